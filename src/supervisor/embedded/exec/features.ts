/**
 * What a machine must be able to do for the keys of systemd.exec(5), and what is said where it cannot. Pure.
 *
 * Whether it can is tried out, not assumed: shim/probe.pl.
 */
import type { ExecSettings } from "#unit/exec-settings.ts";
import { whyNoFilters } from "./seccomp/filters.ts";

export const FEATURES = [
  "users",
  "mounts",
  "network",
  "ipc",
  "hostname",
  "user-namespaces",
  "capabilities",
  "seccomp",
  "numa",
] as const;

/** `users`: becoming another user. `numa`: saying where memory is taken from. The rest are namespaces, capability sets and system call filters. */
export type Feature = (typeof FEATURES)[number];

/** What a machine cannot do, and why. */
export type MissingFeatures = ReadonlyMap<Feature, string>;

/** From what a probe found; what could not be tried out counts as missing. */
export function missingFeatures(found: ReadonlyMap<string, string> | Error): MissingFeatures {
  return new Map(
    FEATURES.flatMap((feature) => {
      const reason = found instanceof Error ? found.message : (found.get(feature) ?? whyUnsupported(feature));
      return reason === undefined ? [] : [[feature, reason] as const];
    }),
  );
}

function whyUnsupported(feature: Feature): string | undefined {
  return feature === "seccomp" ? whyNoFilters(process.arch) : undefined;
}

/** The keys in use that need each feature, by their names without `=`. */
export function keysByFeature(settings: ExecSettings): ReadonlyMap<Feature, readonly string[]> {
  const { sandbox } = settings;
  return new Map<Feature, readonly string[]>([
    ["mounts", mountKeys(settings)],
    [
      "network",
      named({ PrivateNetwork: sandbox.privateNetwork, NetworkNamespacePath: sandbox.networkNamespacePath }),
    ],
    ["ipc", named({ PrivateIPC: sandbox.privateIpc, IPCNamespacePath: sandbox.ipcNamespacePath })],
    ["hostname", named({ ProtectHostname: sandbox.protectHostname })],
    ["user-namespaces", named({ PrivateUsers: sandbox.privateUsers })],
    [
      "capabilities",
      named({
        CapabilityBoundingSet: settings.capabilityBounding !== undefined,
        AmbientCapabilities: settings.capabilityAmbient,
        SecureBits: settings.secureBits,
      }),
    ],
    ["seccomp", seccompKeys(settings)],
    ["numa", named({ NUMAPolicy: settings.scheduling.numaPolicy !== undefined })],
  ]);
}

function named(used: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(used).flatMap(([key, value]) =>
    (Array.isArray(value) ? value.length > 0 : value) ? [key] : [],
  );
}

function mountKeys({ sandbox, dynamicUser }: ExecSettings): readonly string[] {
  return named({
    PrivateTmp: sandbox.privateTmp && !dynamicUser,
    PrivateDevices: sandbox.privateDevices,
    PrivateMounts: sandbox.privateMounts,
    ProtectSystem: sandbox.protectSystem !== "no" && !dynamicUser,
    ProtectHome: sandbox.protectHome !== "no" && !dynamicUser,
    DynamicUser: dynamicUser,
    ProtectKernelTunables: sandbox.protectKernelTunables,
    ProtectKernelModules: sandbox.protectKernelModules,
    ProtectKernelLogs: sandbox.protectKernelLogs,
    ProtectControlGroups: sandbox.protectControlGroups,
    ProtectProc: sandbox.protectProc !== "default",
    ProcSubset: sandbox.procSubset !== "all",
    ReadWritePaths: sandbox.readWritePaths,
    ReadOnlyPaths: sandbox.readOnlyPaths,
    InaccessiblePaths: sandbox.inaccessiblePaths,
    ExecPaths: sandbox.execPaths,
    NoExecPaths: sandbox.noExecPaths,
    TemporaryFileSystem: sandbox.temporaryFileSystems,
    MountFlags: sandbox.mountPropagation !== undefined && sandbox.mountPropagation !== "shared",
    BindPaths: sandbox.binds,
    RootDirectory: sandbox.rootDirectory,
  });
}

function seccompKeys({ sandbox }: ExecSettings): readonly string[] {
  return named({
    SystemCallFilter: sandbox.systemCallFilter,
    SystemCallArchitectures: sandbox.systemCallArchitectures,
    RestrictAddressFamilies: sandbox.restrictAddressFamilies,
    RestrictNamespaces: sandbox.restrictNamespaces !== undefined,
    RestrictRealtime: sandbox.restrictRealtime,
    RestrictSUIDSGID: sandbox.restrictSuidSgid,
    LockPersonality: sandbox.lockPersonality,
    MemoryDenyWriteExecute: sandbox.memoryDenyWriteExecute,
  });
}

/** One sentence for each reason why keys of these settings do nothing here. */
export function describeUnenforced(settings: ExecSettings, missing: MissingFeatures): readonly string[] {
  const keys = keysByFeature(settings);
  return [...missing].flatMap(([feature, reason]) => {
    const affected = keys.get(feature) ?? [];
    return affected.length === 0 ? [] : [unenforced(affected, reason)];
  });
}

function unenforced(keys: readonly string[], reason: string): string {
  const list = keys.map((key) => `${key}=`).join(", ");
  return `${list} ${keys.length === 1 ? "is" : "are"} not enforced on this machine: ${reason}`;
}

const FEATURE_KEYS: Readonly<Record<Feature, readonly string[]>> = {
  users: ["User", "Group", "DynamicUser"],
  mounts: ["PrivateTmp", "ProtectSystem", "ProtectHome", "ReadOnlyPaths"],
  network: ["PrivateNetwork"],
  ipc: ["PrivateIPC"],
  hostname: ["ProtectHostname"],
  "user-namespaces": ["PrivateUsers"],
  capabilities: ["CapabilityBoundingSet", "AmbientCapabilities"],
  seccomp: ["SystemCallFilter", "RestrictAddressFamilies"],
  numa: ["NUMAPolicy"],
};

/** The same of the machine as a whole: what a feature's best-known keys will not do. */
export function describeMissing(missing: MissingFeatures): readonly string[] {
  return [...missing].map(([feature, reason]) => unenforced(FEATURE_KEYS[feature], reason));
}

/**
 * Why a command must not run at all without its mounts: it would see other files than it is meant to. systemd goes on
 * where a missing namespace means less protection only.
 */
export function mountsInsistedOn({ sandbox, dynamicUser }: ExecSettings): boolean {
  return sandbox.rootDirectory !== undefined || sandbox.binds.length > 0 || dynamicUser;
}
