/**
 * The mounts that a unit's sandbox is made of, as an ordered plan. Pure; shim/mounts.pl carries it out.
 *
 * As in systemd each key yields entries of a path and what is to be there; sorted by path, so that what is above comes
 * first; of two for one path the stricter one counts; nothing counts below what is inaccessible.
 */
import { type ExecSettings, privatePath } from "#unit/exec-settings.ts";
import type { AccessPath, SandboxSettings, TemporaryFileSystem } from "#unit/sandbox-settings.ts";
import type { MountEntry, MountKind } from "../shim/run-request.ts";

/** Directories of the machine that stand behind mounts. */
export interface MountSources {
  /** An empty directory and an empty file, each without any permission. */
  readonly inaccessible: string;
  /** What is mounted on /tmp and /var/tmp. */
  readonly privateTmp?: string;
  readonly privateVarTmp?: string;
}

/** mount(2)'s numbers. */
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MS_STRICTATIME = 1 << 24;

/** Stricter kinds come first. */
const STRICTNESS: readonly MountKind[] = [
  "inaccessible",
  "bind",
  "rbind",
  "dev",
  "sysfs",
  "proc",
  "read-only",
  "read-write",
  "no-exec",
  "exec",
  "tmpfs",
  "mqueue",
  "read-write-implicit",
];

/** Kinds that have flags of their own. */
const ACCESS: readonly MountKind[] = [
  "inaccessible",
  "read-only",
  "read-write",
  "read-write-implicit",
  "exec",
  "no-exec",
];

/** Whether anything in the settings needs mounts of the unit's own. */
export function needsMounts(settings: ExecSettings): boolean {
  const { sandbox } = settings;
  const hasRoot = sandbox.rootDirectory !== undefined && (sandbox.mountApiVfs ?? true);
  const propagation = sandbox.mountPropagation ?? "shared";
  return (
    hasRoot ||
    sandbox.privateMounts ||
    sandbox.privateIpc ||
    sandbox.privateTmp ||
    propagation !== "shared" ||
    ownEntries(sandbox).length > 0
  );
}

/** The plan. `sources.privateTmp` is missing where no directory could be made. */
export function planMounts(settings: ExecSettings, sources: MountSources): readonly MountEntry[] {
  const { sandbox } = settings;
  const entries = [
    ...ownEntries(sandbox),
    ...privateTmp(sandbox, sources),
    ...givenDirectories(settings),
    ...apiFileSystems(sandbox),
    ...(sandbox.protectHostname
      ? readOnly(["/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"])
      : []),
    ...(sandbox.privateIpc
      ? [entry("mqueue", "/dev/mqueue", { optional: true, flags: MS_NOSUID | MS_NODEV | MS_NOEXEC })]
      : []),
  ];
  return dropHidden(dropDuplicates(sorted(entries))).map((planned) =>
    planned.kind === "inaccessible" ? { ...planned, source: sources.inaccessible } : planned,
  );
}

function entry(kind: MountKind, path: string, more: Partial<MountEntry> = {}): MountEntry {
  return { kind, path, optional: false, ...more };
}

function ownEntries(sandbox: SandboxSettings): readonly MountEntry[] {
  return [
    ...access("read-write", sandbox.readWritePaths, sandbox.rootDirectory),
    ...access("read-only", sandbox.readOnlyPaths, sandbox.rootDirectory),
    ...access("inaccessible", sandbox.inaccessiblePaths, sandbox.rootDirectory),
    ...access("exec", sandbox.execPaths, sandbox.rootDirectory),
    ...access("no-exec", sandbox.noExecPaths, sandbox.rootDirectory),
    ...sandbox.binds.map(({ source, destination, optional, recursive, readOnly: isReadOnly }) =>
      entry(recursive ? "rbind" : "bind", destination, { source, optional, readOnly: isReadOnly }),
    ),
    ...sandbox.temporaryFileSystems.map(temporaryFileSystem),
    ...(sandbox.privateDevices ? [entry("dev", "/dev")] : []),
    ...kernelEntries(sandbox),
    ...homeEntries(sandbox.protectHome),
    ...systemEntries(sandbox.protectSystem),
    ...procEntries(sandbox),
  ];
}

function access(
  kind: MountKind,
  paths: readonly AccessPath[],
  root: string | undefined,
): readonly MountEntry[] {
  return paths.flatMap(({ path, optional, belowRoot }) => {
    const inside = belowRoot ? path : pathBelow(root, path);
    return inside === undefined ? [] : [entry(kind, inside, { optional })];
  });
}

/** A path of the machine as it is seen from the unit's root; undefined when it cannot be seen there. */
function pathBelow(root: string | undefined, path: string): string | undefined {
  if (root === undefined) return path;
  return `${path}/`.startsWith(`${root}/`) ? path.slice(root.length) || "/" : undefined;
}

/** Missing paths are passed over. */
function readOnly(paths: readonly string[]): readonly MountEntry[] {
  return paths.map((path) => entry("read-only", path, { optional: true }));
}

function readWrite(paths: readonly string[]): readonly MountEntry[] {
  return paths.map((path) => entry("read-write", path, { optional: true }));
}

/** Left as they are, though what is above is made read-only, unless another key says something of them. */
function spared(paths: readonly string[]): readonly MountEntry[] {
  return paths.map((path) => entry("read-write-implicit", path, { optional: true }));
}

function inaccessible(paths: readonly string[]): readonly MountEntry[] {
  return paths.map((path) => entry("inaccessible", path, { optional: true }));
}

/** mount(8)'s options: those that are flags of mount(2), and the rest for the file system. */
function temporaryFileSystem({ path, options }: TemporaryFileSystem): MountEntry {
  let flags = MS_NODEV | MS_STRICTATIME;
  const rest = ["mode=0755"];
  for (const option of options.split(",").filter((word) => word !== "")) {
    const known = MOUNT_FLAGS.get(option);
    if (known === undefined) rest.push(option);
    else flags = known.clears ? flags & ~known.flag : flags | known.flag;
  }
  const { kept, readOnly: isReadOnly } = { kept: flags & ~MS_RDONLY, readOnly: (flags & MS_RDONLY) !== 0 };
  return entry("tmpfs", path, { options: rest.join(","), flags: kept, readOnly: isReadOnly });
}

const MOUNT_FLAGS: ReadonlyMap<string, { readonly flag: number; readonly clears: boolean }> = new Map([
  ["ro", { flag: MS_RDONLY, clears: false }],
  ["rw", { flag: MS_RDONLY, clears: true }],
  ["nosuid", { flag: MS_NOSUID, clears: false }],
  ["suid", { flag: MS_NOSUID, clears: true }],
  ["nodev", { flag: MS_NODEV, clears: false }],
  ["dev", { flag: MS_NODEV, clears: true }],
  ["noexec", { flag: MS_NOEXEC, clears: false }],
  ["exec", { flag: MS_NOEXEC, clears: true }],
]);

function kernelEntries(sandbox: SandboxSettings): readonly MountEntry[] {
  return [
    ...(sandbox.protectKernelTunables ? tunables() : []),
    ...(sandbox.protectKernelModules ? inaccessible(["/lib/modules", "/usr/lib/modules"]) : []),
    ...(sandbox.protectKernelLogs ? inaccessible(["/proc/kmsg", "/dev/kmsg"]) : []),
    ...(sandbox.protectControlGroups ? readOnly(["/sys/fs/cgroup"]) : []),
  ];
}

function tunables(): readonly MountEntry[] {
  const below = "acpi apm asound bus fs irq latency_stats mtrr scsi sys sysrq-trigger timer_stats".split(" ");
  return [
    ...readOnly(below.map((name) => `/proc/${name}`)),
    ...inaccessible(["/proc/kallsyms", "/proc/kcore"]),
    ...readOnly(["/sys", "/sys/fs/bpf", "/sys/kernel/debug", "/sys/kernel/tracing"]),
    ...spared(["/sys/fs/cgroup", "/sys/fs/selinux"]),
  ];
}

const HOMES: readonly string[] = ["/home", "/run/user", "/root"];

function homeEntries(protect: SandboxSettings["protectHome"]): readonly MountEntry[] {
  if (protect === "no") return [];
  if (protect === "yes") return inaccessible(HOMES);
  if (protect === "read-only") return readOnly(HOMES);
  return HOMES.map((path) => ({ ...emptyDirectory(path), optional: true }));
}

/** With `strict` everything but the kernel's own file systems; homes are ProtectHome='s affair. */
function systemEntries(protect: SandboxSettings["protectSystem"]): readonly MountEntry[] {
  if (protect === "no") return [];
  if (protect === "strict") return [entry("read-only", "/"), ...spared(["/proc", "/sys", "/dev", ...HOMES])];
  return readOnly([
    "/usr",
    "/boot",
    "/efi",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    ...(protect === "full" ? ["/etc"] : []),
  ]);
}

const HIDEPID = {
  default: undefined,
  noaccess: "noaccess",
  invisible: "invisible",
  ptraceable: "ptraceable",
} as const;

function procEntries({ protectProc, procSubset }: SandboxSettings): readonly MountEntry[] {
  const hidden = HIDEPID[protectProc];
  const options = [
    ...(hidden === undefined ? [] : [`hidepid=${hidden}`]),
    ...(procSubset === "pid" ? ["subset=pid"] : []),
  ];
  if (options.length === 0) return [];
  return [entry("proc", "/proc", { options: options.join(","), flags: MS_NOSUID | MS_NODEV | MS_NOEXEC })];
}

function privateTmp(
  { privateTmp: isPrivate }: SandboxSettings,
  sources: MountSources,
): readonly MountEntry[] {
  if (!isPrivate || sources.privateTmp === undefined || sources.privateVarTmp === undefined) return [];
  return [
    entry("bind", "/tmp", { source: sources.privateTmp }),
    entry("bind", "/var/tmp", { source: sources.privateVarTmp }),
  ];
}

/**
 * A service may write to what it was given, whatever else is read-only; its configuration is its administrator's. It
 * finds its directories at the same places in a root of its own, and where a /tmp of its own would hide them.
 */
function givenDirectories({ directories, sandbox }: ExecSettings): readonly MountEntry[] {
  const isHidden = (path: string): boolean =>
    sandbox.rootDirectory !== undefined || (sandbox.privateTmp && /^(\/var)?\/tmp\//.test(path));
  return directories.flatMap(({ kind, root, paths, isPrivate }) => {
    const real = (path: string): string => (isPrivate ? privatePath(root, path) : path);
    const hidden = paths.filter(isHidden).map((path) => shown(real(path), path));
    const open = paths.filter((path) => !isHidden(path) && kind !== "configuration");
    if (isPrivate)
      return [emptyDirectory(`${root}/private`), ...paths.map((path) => shown(real(path))), ...hidden];
    return [...hidden, ...readWrite(open)];
  });
}

function shown(source: string, path = source): MountEntry {
  return entry("rbind", path, { source });
}

function emptyDirectory(path: string): MountEntry {
  return entry("tmpfs", path, { options: "mode=0755", flags: MS_NODEV | MS_STRICTATIME, readOnly: true });
}

/** A root of the unit's own gets the file systems that programs take for granted. */
function apiFileSystems({
  rootDirectory,
  mountApiVfs = true,
  privateDevices,
  protectProc,
  procSubset,
}: SandboxSettings): readonly MountEntry[] {
  if (rootDirectory === undefined || !mountApiVfs) return [];
  const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const ownProc = protectProc !== "default" || procSubset !== "all";
  return [
    ...(ownProc ? [] : [entry("proc", "/proc", { flags })]),
    ...(privateDevices ? [] : [entry("rbind", "/dev", { source: "/dev" })]),
    entry("sysfs", "/sys", { flags }),
    entry("tmpfs", "/run", { options: "mode=0755", flags: MS_NOSUID | MS_NODEV | MS_STRICTATIME }),
  ];
}

// --- order -----------------------------------------------------------------------------------------------------

function sorted(entries: readonly MountEntry[]): readonly MountEntry[] {
  return entries.toSorted(
    (a, b) => comparePaths(a.path, b.path) || STRICTNESS.indexOf(a.kind) - STRICTNESS.indexOf(b.kind),
  );
}

function comparePaths(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    if (part !== other) return part < other ? -1 : 1;
  }
  return left.length - right.length;
}

function partsOf(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "");
}

/** The first of a path counts, and is read-only where another is. */
function dropDuplicates(entries: readonly MountEntry[]): readonly MountEntry[] {
  return [...Map.groupBy(entries, ({ path }) => path).values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const isReadOnly = same.some(({ kind, readOnly: asked }) => kind === "read-only" || asked);
    return [isReadOnly && !ACCESS.includes(first.kind) ? { ...first, readOnly: true } : first];
  });
}

function dropHidden(entries: readonly MountEntry[]): readonly MountEntry[] {
  const hidden = entries.filter(({ kind }) => kind === "inaccessible").map(({ path }) => `${path}/`);
  return entries.filter(({ path }) => !hidden.some((above) => path.startsWith(above)));
}
