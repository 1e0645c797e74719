/** The part of a command's request that only units with special keys have: attributes and namespaces. Pure. */
import type { ExecSettings } from "#unit/exec-settings.ts";
import type { AttributesRequest, SandboxRequest } from "../shim/run-request.ts";
import { type Feature, type MissingFeatures, mountsInsistedOn } from "./features.ts";
import type { JoinedUnit } from "./joined-unit.ts";
import { type MountSources, needsMounts, planMounts } from "./mount-plan.ts";
import { Refusal } from "./refusal.ts";
import { seccompPrograms } from "./seccomp/filters.ts";

/** Scheduling, capabilities and the like; undefined where nothing is asked for. `+` commands keep all their rights. */
export function attributesOf(
  settings: ExecSettings,
  { isConfined, missing }: { readonly isConfined: boolean; readonly missing: MissingFeatures },
): AttributesRequest | undefined {
  const { scheduling, personality, coredumpFilter } = settings;
  const attributes: AttributesRequest = {
    ...(scheduling.cpuAffinity.length > 0 ? { cpuAffinity: scheduling.cpuAffinity } : {}),
    ...(scheduling.cpuPolicy === undefined && !scheduling.resetOnFork ? {} : policyOf(scheduling)),
    ...(scheduling.ioPriority === undefined ? {} : { ioPriority: scheduling.ioPriority }),
    ...(scheduling.timerSlackNs === undefined ? {} : { timerSlackNs: scheduling.timerSlackNs }),
    ...(personality === undefined ? {} : { personality }),
    ...(coredumpFilter === undefined ? {} : { coredumpFilter }),
    ...(missing.has("numa") ? {} : memoryPolicyOf(scheduling)),
    ...(isConfined && !missing.has("capabilities") ? capabilitiesOf(settings) : {}),
    ...(isConfined && !missing.has("seccomp") ? filtersOf(settings) : {}),
  };
  return Object.keys(attributes).length === 0 ? undefined : attributes;
}

/** sched_setscheduler(2): a flag beside the policy's number. */
const SCHED_RESET_ON_FORK = 0x40000000;

function policyOf({ cpuPolicy = 0, cpuPriority, resetOnFork }: ExecSettings["scheduling"]) {
  return { cpuPolicy: cpuPolicy | (resetOnFork ? SCHED_RESET_ON_FORK : 0), cpuPriority };
}

function memoryPolicyOf({ numaPolicy, numaNodes }: ExecSettings["scheduling"]): AttributesRequest {
  if (numaPolicy === undefined) return {};
  return { memoryPolicy: numaPolicy, ...(numaNodes === undefined ? {} : { memoryNodes: numaNodes }) };
}

function capabilitiesOf({
  capabilityBounding,
  capabilityAmbient,
  secureBits,
}: ExecSettings): AttributesRequest {
  return {
    ...(capabilityBounding === undefined ? {} : { capabilityBounding }),
    ...(capabilityAmbient === 0n ? {} : { capabilityAmbient }),
    ...(secureBits === undefined ? {} : { secureBits }),
  };
}

/**
 * What a `+` command is left with: it is protected from nothing, and sees the files and the network that the unit is
 * shown all the same.
 */
export function unprotected(settings: ExecSettings): ExecSettings {
  const { sandbox } = settings;
  const off = Object.entries(sandbox).filter(([, value]) => value === true);
  return {
    ...settings,
    dynamicUser: false,
    sandbox: {
      ...sandbox,
      ...Object.fromEntries(off.map(([key]) => [key, false])),
      privateNetwork: sandbox.privateNetwork,
      privateIpc: sandbox.privateIpc,
      mountApiVfs: false,
      protectSystem: "no",
      protectHome: "no",
      protectProc: "default",
      procSubset: "all",
      readOnlyPaths: [],
      inaccessiblePaths: [],
      execPaths: [],
      noExecPaths: [],
    },
  };
}

function filtersOf(settings: ExecSettings): AttributesRequest {
  const seccomp = seccompPrograms(settings, process.arch);
  return seccomp.length === 0 ? {} : { seccomp };
}

/** What mounts need of the machine. */
export interface SandboxPlace extends MountSources {
  readonly staging: string;
}

/** Namespaces and mounts; undefined where nothing is asked for. Refuses where systemd would fail the start. */
export function sandboxOf(
  settings: ExecSettings,
  place: () => SandboxPlace,
  missing: MissingFeatures,
  other?: JoinedUnit,
): SandboxRequest | undefined {
  const { sandbox } = settings;
  const can = (feature: Feature): boolean => !missing.has(feature);
  const wantsMounts = needsMounts(settings);
  if (wantsMounts && !can("mounts") && mountsInsistedOn(settings)) {
    throw new Refusal("namespace", missing.get("mounts") ?? "");
  }
  if (sandbox.networkNamespacePath !== undefined && !can("network")) {
    throw new Refusal("network", missing.get("network") ?? "");
  }
  const request: SandboxRequest = {
    shared: [
      ...(sandbox.privateNetwork && sandbox.networkNamespacePath === undefined && can("network")
        ? ["net" as const]
        : []),
      ...(sandbox.privateIpc && sandbox.ipcNamespacePath === undefined && can("ipc") ? ["ipc" as const] : []),
    ],
    borrowed: other === undefined ? [] : borrowedFrom(other),
    joined: [
      ...joined("net", sandbox.networkNamespacePath),
      ...(can("ipc") ? joined("ipc", sandbox.ipcNamespacePath) : []),
    ],
    hostname: sandbox.protectHostname && can("hostname"),
    users: sandbox.privateUsers && can("user-namespaces"),
    ...(wantsMounts && can("mounts") ? { mounts: mountsOf(settings, place()) } : rootOf(settings)),
  };
  const isEmpty = request.shared.length + request.joined.length === 0 && !request.hostname && !request.users;
  return isEmpty && request.mounts === undefined && request.root === undefined ? undefined : request;
}

function borrowedFrom({ shim, has }: JoinedUnit): SandboxRequest["borrowed"] {
  return [
    ...(has.privateNetwork ? [["net", shim] as const] : []),
    ...(has.privateIpc ? [["ipc", shim] as const] : []),
  ];
}

function joined(kind: "net" | "ipc", path: string | undefined): SandboxRequest["joined"] {
  return path === undefined ? [] : [[kind, path]];
}

function rootOf({ sandbox }: ExecSettings): Pick<SandboxRequest, "root"> {
  return sandbox.rootDirectory === undefined ? {} : { root: sandbox.rootDirectory };
}

function mountsOf(settings: ExecSettings, place: SandboxPlace) {
  const { rootDirectory, mountPropagation = "shared" } = settings.sandbox;
  return {
    ...(rootDirectory === undefined ? {} : { root: rootDirectory }),
    propagation: mountPropagation,
    staging: place.staging,
    entries: planMounts(settings, place),
  };
}
