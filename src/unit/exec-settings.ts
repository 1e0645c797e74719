/**
 * How a unit's commands are run: the keys of systemd.exec(5), typed, with systemd's defaults filled in.
 *
 * Shared by every kind of unit that runs commands. It says what the file asks for, not what a machine can do.
 */
import type { CapabilitySet } from "./capabilities.ts";
import type { SandboxSettings } from "./sandbox-settings.ts";

export interface EnvironmentFile {
  readonly path: string;
  /** `-`: a missing file is no failure. */
  readonly optional: boolean;
}

/** Where a stream of the service goes. */
export type OutputTarget =
  | { readonly kind: "journal" }
  | { readonly kind: "kmsg" }
  | { readonly kind: "null" }
  | { readonly kind: "inherit" }
  | { readonly kind: "socket" }
  | { readonly kind: "fd"; readonly name: string }
  | { readonly kind: "file" | "append" | "truncate"; readonly path: string };

/** What a command reads. */
export type InputSource =
  | { readonly kind: "null" }
  /** What StandardInputText= and StandardInputData= say. */
  | { readonly kind: "data" }
  | { readonly kind: "socket" }
  | { readonly kind: "fd"; readonly name: string }
  | { readonly kind: "file"; readonly path: string };

/** Where a path of private directories really is. */
export function privatePath(root: string, path: string): string {
  return `${root}/private${path.slice(root.length)}`;
}

export type DirectoryKind = "runtime" | "state" | "cache" | "logs" | "configuration";

/** Directories made for the service before it is run: RuntimeDirectory= and its like. */
export interface ServiceDirectories {
  /** Of the key, which also makes the name of the variable: RUNTIME_DIRECTORY. */
  readonly kind: DirectoryKind;
  /** Where directories of this kind are; absolute. */
  readonly root: string;
  /** Absolute. */
  readonly paths: readonly string[];
  /** Symbolic links to be made to one of the paths; absolute. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  readonly mode: number;
  /** A dynamic user's: the paths are links to directories below `private`, which nobody else can enter. */
  readonly isPrivate: boolean;
  /** How long they last: `stop`: until the run has ended; `restart`: until no restart follows; `ever`. */
  readonly kept: "stop" | "restart" | "ever";
}

/** How output is told apart in the journal, and how much of it is taken. */
export interface LogSettings {
  /** Of the lines; the command's name where it is undefined. */
  readonly identifier?: string;
  /** syslog's number, 3 (daemon) by default. */
  readonly facility: number;
  /** Of lines without a `<N>` prefix; 6 (info) by default. */
  readonly level: number;
  /** Whether `<N>` at the beginning of a line is its priority. */
  readonly levelPrefix: boolean;
  /** Less important lines are dropped. */
  readonly levelMax?: number;
  /** `FIELD=value` on every line. */
  readonly extraFields: readonly string[];
  /** More than `burst` lines in `intervalMs` are dropped; undefined: the journal's own limit. */
  readonly rateLimitIntervalMs?: number;
  readonly rateLimitBurst?: number;
}

/** How the kernel shares its processors and disks out; numbers are the kernel's own. */
export interface SchedulingSettings {
  readonly cpuAffinity: readonly number[];
  /** SCHED_OTHER is 0. */
  readonly cpuPolicy?: number;
  readonly cpuPriority: number;
  readonly resetOnFork: boolean;
  /** As ioprio_set(2) takes it. */
  readonly ioPriority?: number;
  readonly timerSlackNs?: number;
  /** As set_mempolicy(2) takes it, and the memory nodes it is about: `0-3,8`, or `all`. */
  readonly numaPolicy?: number;
  readonly numaNodes?: string;
}

export interface LoadedCredential {
  readonly name: string;
  /** A file or directory; relative ones are looked up among the machine's own credentials, which there are none of. */
  readonly path: string;
}

export interface CredentialSettings {
  readonly loaded: readonly LoadedCredential[];
  /** Literal contents; they count where none is loaded under the name. */
  readonly set: readonly { readonly name: string; readonly value: string }[];
  /** Where the unit's commands find them. */
  readonly directory: string;
}

export interface ExecSettings {
  /** In order; a later name wins. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  readonly environmentFiles: readonly EnvironmentFile[];
  readonly passEnvironment: readonly string[];
  readonly unsetEnvironment: readonly string[];
  /** Where a command without a slash is looked up; empty: systemd's own path. */
  readonly execSearchPath: readonly string[];
  readonly workingDirectory?: { readonly path: string; readonly optional: boolean };
  readonly user?: string;
  readonly group?: string;
  readonly supplementaryGroups: readonly string[];
  readonly dynamicUser: boolean;
  readonly umask: number;
  readonly nice?: number;
  readonly oomScoreAdjust?: number;
  /** prlimit's names in lower case (`nofile`), soft and hard; Infinity for unlimited. */
  readonly rlimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly scheduling: SchedulingSettings;
  /** Bits of /proc/PID/coredump_filter. */
  readonly coredumpFilter?: bigint;
  /** As personality(2) takes it. */
  readonly personality?: number;
  readonly ignoreSigpipe: boolean;
  readonly standardInput: InputSource;
  /** Of StandardInputText= and StandardInputData=. */
  readonly inputData: Uint8Array;
  readonly standardOutput: OutputTarget;
  readonly standardError: OutputTarget;
  readonly log: LogSettings;
  readonly directories: readonly ServiceDirectories[];
  readonly credentials: CredentialSettings;
  readonly noNewPrivileges: boolean;
  /** Undefined: all that there are. */
  readonly capabilityBounding?: CapabilitySet;
  readonly capabilityAmbient: CapabilitySet;
  /** As prctl(PR_SET_SECUREBITS) takes it; undefined: as they are. */
  readonly secureBits?: number;
  readonly sandbox: SandboxSettings;
}
