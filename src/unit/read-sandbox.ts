/** The sandboxing keys as typed settings, with what one key implies for others. */
import { present } from "#base/present.ts";
import type { ExecReader } from "./exec-reader.ts";
import type { NameFilter, SandboxSettings, SystemCallFilter, SystemCallRule } from "./sandbox-settings.ts";
import { NAMESPACE_KINDS, type NameAssignment, type SystemCallAssignment } from "./sandbox-values.ts";

/** A dynamic user may leave nothing behind: what it could write elsewhere is closed to it. */
export function readSandbox(section: ExecReader, dynamicUser: boolean): SandboxSettings {
  const protectSystem = section.last("ProtectSystem") ?? "no";
  const protectHome = section.last("ProtectHome") ?? "no";
  return {
    ...readRoot(section),
    ...readPrivate(section),
    ...readProtections(section),
    ...readPaths(section),
    ...readRestrictions(section),
    privateTmp: dynamicUser || isSet(section, "PrivateTmp"),
    protectSystem: dynamicUser && protectSystem === "no" ? "strict" : protectSystem,
    protectHome: dynamicUser && protectHome === "no" ? "read-only" : protectHome,
    restrictSuidSgid: dynamicUser || isSet(section, "RestrictSUIDSGID"),
  };
}

type Switch = Parameters<typeof isSet>[1];

function isSet(
  section: ExecReader,
  key:
    | `Private${"Tmp" | "Devices" | "Network" | "Users" | "IPC" | "Mounts"}`
    | `Protect${"KernelTunables" | "KernelModules" | "KernelLogs" | "ControlGroups" | "Clock" | "Hostname"}`
    | `Restrict${"SUIDSGID" | "Realtime"}`
    | "LockPersonality"
    | "MemoryDenyWriteExecute",
): boolean {
  return section.last(key) ?? false;
}

function readRoot(section: ExecReader) {
  return {
    ...present("rootDirectory", section.last("RootDirectory")),
    ...present("mountApiVfs", section.last("MountAPIVFS")),
    ...present("mountPropagation", section.last("MountFlags")),
    ...present("networkNamespacePath", section.last("NetworkNamespacePath")),
    ...present("ipcNamespacePath", section.last("IPCNamespacePath")),
  };
}

function readPrivate(section: ExecReader) {
  const on = (key: Switch): boolean => isSet(section, key);
  return {
    privateDevices: on("PrivateDevices"),
    privateNetwork: on("PrivateNetwork"),
    privateUsers: on("PrivateUsers"),
    privateIpc: on("PrivateIPC"),
    privateMounts: on("PrivateMounts"),
  };
}

function readProtections(section: ExecReader) {
  const on = (key: Switch): boolean => isSet(section, key);
  return {
    protectKernelTunables: on("ProtectKernelTunables"),
    protectKernelModules: on("ProtectKernelModules"),
    protectKernelLogs: on("ProtectKernelLogs"),
    protectControlGroups: on("ProtectControlGroups"),
    protectClock: on("ProtectClock"),
    protectHostname: on("ProtectHostname"),
    protectProc: section.last("ProtectProc") ?? ("default" as const),
    procSubset: section.last("ProcSubset") ?? ("all" as const),
  };
}

/** The keys that end in Directories are former names of those that end in Paths. */
function readPaths(section: ExecReader) {
  return {
    readWritePaths: [...section.all("ReadWriteDirectories"), ...section.all("ReadWritePaths")].flat(),
    readOnlyPaths: [...section.all("ReadOnlyDirectories"), ...section.all("ReadOnlyPaths")].flat(),
    inaccessiblePaths: [
      ...section.all("InaccessibleDirectories"),
      ...section.all("InaccessiblePaths"),
    ].flat(),
    execPaths: section.all("ExecPaths").flat(),
    noExecPaths: section.all("NoExecPaths").flat(),
    binds: [...section.all("BindPaths"), ...section.all("BindReadOnlyPaths")].flat(),
    temporaryFileSystems: section.all("TemporaryFileSystem").flat(),
  };
}

function readRestrictions(section: ExecReader) {
  return {
    restrictRealtime: isSet(section, "RestrictRealtime"),
    lockPersonality: isSet(section, "LockPersonality"),
    memoryDenyWriteExecute: isSet(section, "MemoryDenyWriteExecute"),
    ...present("restrictNamespaces", readNamespaces(section.all("RestrictNamespaces"))),
    ...present("restrictAddressFamilies", readFamilies(section.all("RestrictAddressFamilies"))),
    ...present("systemCallFilter", foldCalls(section.all("SystemCallFilter"))),
    ...present("systemCallError", errorName(section.last("SystemCallErrorNumber"))),
    systemCallArchitectures: section.all("SystemCallArchitectures").flat(),
  };
}

function errorName(name: string | undefined): string | undefined {
  return name === "kill" ? undefined : name;
}

/** Kinds that may be made; undefined where none is forbidden. A boolean forgets the lines before it. */
function readNamespaces(lines: readonly (boolean | NameAssignment)[]): readonly string[] | undefined {
  let allowed: ReadonlySet<string> | undefined;
  for (const line of lines) {
    if (typeof line === "boolean") {
      allowed = line ? new Set() : undefined;
      continue;
    }
    const named = new Set(line.names);
    const before: ReadonlySet<string> = allowed ?? new Set(line.inverted ? NAMESPACE_KINDS : []);
    allowed = line.inverted ? before.difference(named) : before.union(named);
  }
  return allowed === undefined ? undefined : [...allowed];
}

/** The first line says whether the list allows or forbids; a line of the other kind takes names away from it. */
function foldNames(lines: readonly NameAssignment[]): NameFilter | undefined {
  const [first] = lines;
  if (first === undefined) return undefined;
  let names = new Set<string>();
  for (const line of lines) {
    const given = new Set(line.names);
    names = line.inverted === first.inverted ? names.union(given) : names.difference(given);
  }
  return { allow: !first.inverted, names: [...names] };
}

/** `none` allows nothing at all. */
function readFamilies(lines: readonly NameAssignment[]): NameFilter | undefined {
  if (lines.at(-1)?.names.includes("none")) return { allow: !lines.at(-1)?.inverted, names: [] };
  return foldNames(
    lines.map(({ inverted, names }) => ({ inverted, names: names.filter((name) => name !== "none") })),
  );
}

function foldCalls(lines: readonly SystemCallAssignment[]): SystemCallFilter | undefined {
  const [first] = lines;
  if (first === undefined) return undefined;
  const rules: SystemCallRule[] = [];
  const isAllowList = !first.inverted;
  // Order is kept: groups can overlap, and what is taken away later must not come back.
  for (const line of lines) {
    const removes = line.inverted !== first.inverted;
    rules.push(...line.rules.map((rule) => (removes ? { ...rule, removes } : rule)));
  }
  return { allow: isAllowList, rules };
}
