/** A command that a shim is asked to run, and its form on the wire; command.pl is the other end. */
import type { LogSettings } from "#unit/exec-settings.ts";

/** A command to run. Everything is resolved: numbers of user and groups, final arguments and environment. */
export interface RunRequest {
  readonly run: number;
  /** With a slash: a file; without: searched in `searchPath`. */
  readonly path: string;
  readonly searchPath: readonly string[];
  /** A program that is not there is no failure: its command ends at once, with success. */
  readonly skipMissing: boolean;
  readonly argv: readonly string[];
  /** `NAME=value`; here and in `argv` the shim puts in what only it knows: see LATE_VALUES. */
  readonly env: readonly string[];
  readonly cwd: { readonly path: string; readonly optional: boolean };
  readonly umask: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly groups: readonly number[];
  readonly nice?: number;
  readonly oomScoreAdjust?: number;
  /** `name:soft:hard` */
  readonly rlimits: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly ignoreSigpipe: boolean;
  /** It waits for `proceed`, and for some seconds at most, before anything of it is set up. */
  readonly idle?: boolean;
  /** The cgroup.procs files the command enters before it is executed. */
  readonly cgroupProcs: readonly string[];
  /**
   * Shims of socket units whose sockets the command gets as descriptors 3 and up: `:DIRECTORY/ID`, or
   * `CONNECTION:DIRECTORY/ID` for one connection.
   */
  readonly sockets?: readonly string[];
  /** Whether reads of those sockets do not wait. */
  readonly nonBlocking?: boolean;
  /** Numbers of stored file descriptors, which it gets after those. */
  readonly stored?: readonly number[];
  /** `null`, `file:PATH`, `data:HEX`, or `socket` for the first of `sockets`. */
  readonly stdin: string;
  /** `journal`, `null`, `kmsg`, `inherit`, `socket`, or `file:`, `append:`, `truncate:` and a path. */
  readonly stdout: string;
  readonly stderr: string;
  readonly log: LogRequest;
  readonly attributes?: AttributesRequest;
  readonly sandbox?: SandboxRequest;
  /** Why this command cannot be run at all: it fails as if it had been tried, at this step. */
  readonly refusal?: { readonly step: SetupStep; readonly error: string };
}

/** How the journal marks what the command writes. */
export interface LogRequest extends LogSettings {
  readonly identifier: string;
}

/** What few units ask for; numbers are the kernel's. */
export interface AttributesRequest {
  readonly cpuAffinity?: readonly number[];
  readonly cpuPolicy?: number;
  readonly cpuPriority?: number;
  readonly ioPriority?: number;
  readonly timerSlackNs?: number;
  readonly personality?: number;
  readonly coredumpFilter?: bigint;
  readonly memoryPolicy?: number;
  /** `0-3,8`, or `all`. */
  readonly memoryNodes?: string;
  readonly capabilityBounding?: bigint;
  readonly capabilityAmbient?: bigint;
  readonly secureBits?: number;
  /** Programs of BPF in hex, installed in order. */
  readonly seccomp?: readonly string[];
}

/** Namespaces of the command. */
export interface SandboxRequest {
  /** Kinds that the commands of the unit share, kept by its shim. */
  readonly shared: readonly ("net" | "ipc")[];
  /** Shims of which one is to give its namespace of a kind in `shared`, before one is made. */
  readonly borrowed: readonly (readonly [kind: "net" | "ipc", shim: string])[];
  /** Namespaces to join: kind and file. */
  readonly joined: readonly (readonly [kind: "net" | "ipc", path: string])[];
  /** A host name of its own. */
  readonly hostname: boolean;
  /** Users of its own: root, and the command's. */
  readonly users: boolean;
  readonly mounts?: MountsRequest;
  /** chroot(2) there, where no mounts are needed. */
  readonly root?: string;
}

export interface MountsRequest {
  readonly root?: string;
  /** `shared`, `slave` or `private`: where later mounts go. */
  readonly propagation: string;
  /** An empty directory for file systems while they are put together. */
  readonly staging: string;
  /** In order: what is above comes before what is below. */
  readonly entries: readonly MountEntry[];
}

export type MountKind =
  | "inaccessible"
  | "bind"
  | "rbind"
  | "dev"
  | "proc"
  | "sysfs"
  | "mqueue"
  | "tmpfs"
  | "read-only"
  | "read-write"
  | "read-write-implicit"
  | "exec"
  | "no-exec";

export interface MountEntry {
  readonly kind: MountKind;
  readonly path: string;
  /** Nothing is done where the path, or the source, is missing. */
  readonly optional: boolean;
  readonly source?: string;
  /** For the file system's own code: `mode=0755,size=1M`. */
  readonly options?: string;
  /** As mount(2) takes them. */
  readonly flags?: number;
  readonly readOnly?: boolean;
}

/** What is done between fork and exec; each has its exit code, systemd.exec(5). */
export type SetupStep =
  | "chdir"
  | "nice"
  | "fds"
  | "exec"
  | "limits"
  | "oom"
  | "stdin"
  | "stdout"
  | "stderr"
  | "chroot"
  | "ioprio"
  | "timerslack"
  | "securebits"
  | "setscheduler"
  | "cpuaffinity"
  | "group"
  | "user"
  | "capabilities"
  | "cgroup"
  | "network"
  | "namespace"
  | "nnp"
  | "seccomp"
  | "personality"
  | "numa"
  | "environment"
  | "runtime-directory"
  | "state-directory"
  | "cache-directory"
  | "logs-directory"
  | "configuration-directory"
  | "credentials";

/** What stands in a command's environment and arguments for what is known only when it is run. */
export const LATE_VALUES = { process: "\u0001process\u0001", journalStream: "\u0001journal\u0001" } as const;

type Field = readonly [key: string, value: string | number];

/** The request as fields of a message. */
export function runFields(request: RunRequest): readonly Field[] {
  return [
    ["run", request.run],
    ["path", request.path],
    ...each("search", request.searchPath),
    ["skip_missing", request.skipMissing ? 1 : 0],
    ...each("argv", request.argv),
    ...each("env", request.env),
    ["cwd", `${request.cwd.optional ? 1 : 0}:${request.cwd.path}`],
    ["umask", request.umask.toString(8)],
    ...optional("uid", request.uid),
    ...optional("gid", request.gid),
    ...each("groups", request.groups),
    ...optional("nice", request.nice),
    ...optional("oom", request.oomScoreAdjust),
    ...each("rlimit", request.rlimits),
    ["nnp", request.noNewPrivileges ? 1 : 0],
    ["sigpipe", request.ignoreSigpipe ? 1 : 0],
    ...(request.idle === true ? each("idle", [1]) : []),
    ...each("cgroup", request.cgroupProcs),
    ...each("sockets", request.sockets ?? []),
    ...(request.nonBlocking === true ? each("nonblocking", [1]) : []),
    ...each("stored", request.stored ?? []),
    ["stdin", request.stdin],
    ["stdout", request.stdout],
    ["stderr", request.stderr],
    ...logFields(request.log),
    ...(request.attributes === undefined ? [] : attributeFields(request.attributes)),
    ...(request.sandbox === undefined ? [] : sandboxFields(request.sandbox)),
    ...optional("refusal", request.refusal && `${request.refusal.step}:${request.refusal.error}`),
  ];
}

function logFields(log: LogRequest): readonly Field[] {
  return [
    ["log_identifier", log.identifier],
    ["log_facility", log.facility],
    ["log_level", log.level],
    ["log_prefix", log.levelPrefix ? 1 : 0],
    ...optional("log_max", log.levelMax),
    ...each("log_field", log.extraFields),
    ...optional("log_interval_ms", log.rateLimitIntervalMs),
    ...optional("log_burst", log.rateLimitBurst),
  ];
}

function attributeFields(attributes: AttributesRequest): readonly Field[] {
  return [
    ["attributes", 1],
    ...optional("affinity", attributes.cpuAffinity?.join(",")),
    ...optional("cpu_policy", attributes.cpuPolicy),
    ...optional("cpu_priority", attributes.cpuPriority),
    ...optional("io_priority", attributes.ioPriority),
    ...optional("timer_slack", attributes.timerSlackNs),
    ...optional("personality", attributes.personality),
    ...optional("coredump_filter", attributes.coredumpFilter?.toString(16)),
    ...optional("memory_policy", attributes.memoryPolicy),
    ...optional("memory_nodes", attributes.memoryNodes),
    ...optional("bounding", attributes.capabilityBounding?.toString(16)),
    ...optional("ambient", attributes.capabilityAmbient?.toString(16)),
    ...optional("secure_bits", attributes.secureBits),
    ...each("seccomp", attributes.seccomp ?? []),
  ];
}

function sandboxFields(sandbox: SandboxRequest): readonly Field[] {
  return [
    ["sandbox", 1],
    ...each("shared_ns", sandbox.shared),
    ...each(
      "borrowed_ns",
      sandbox.borrowed.map(([kind, shim]) => `${kind}:${shim}`),
    ),
    ...each(
      "joined_ns",
      sandbox.joined.map(([kind, path]) => `${kind}:${path}`),
    ),
    ["own_hostname", sandbox.hostname ? 1 : 0],
    ["own_users", sandbox.users ? 1 : 0],
    ...optional("chroot", sandbox.root),
    ...(sandbox.mounts === undefined ? [] : mountFields(sandbox.mounts)),
  ];
}

function mountFields(mounts: MountsRequest): readonly Field[] {
  return [
    ["propagation", mounts.propagation],
    ["staging", mounts.staging],
    ...optional("root", mounts.root),
    ...each("mount", mounts.entries.map(mountText)),
  ];
}

/** Words between NULs, which no path can hold. */
function mountText({ kind, path, optional: skip, source, options, flags, readOnly }: MountEntry): string {
  return [kind, path, skip ? 1 : 0, source ?? "", options ?? "", flags ?? 0, readOnly ? 1 : 0].join("\0");
}

function each(key: string, values: readonly (string | number)[]): Field[] {
  return values.map((value) => [key, value]);
}

function optional(key: string, value: number | string | undefined): Field[] {
  return value === undefined ? [] : [[key, value]];
}
