/** What a unit's commands may see and touch: the sandboxing keys of systemd.exec(5), typed. */

/** A path whose access is changed. */
export interface AccessPath {
  readonly path: string;
  /** `-`: a missing path is no failure. */
  readonly optional: boolean;
  /** `+`: below RootDirectory=. */
  readonly belowRoot: boolean;
}

export interface BindMount {
  readonly source: string;
  readonly destination: string;
  readonly optional: boolean;
  readonly recursive: boolean;
  readonly readOnly: boolean;
}

export interface TemporaryFileSystem {
  readonly path: string;
  /** mount(8)'s, comma-separated. */
  readonly options: string;
}

/** A list of names that are allowed, or, inverted, of names that are not. */
export interface NameFilter {
  readonly allow: boolean;
  readonly names: readonly string[];
}

/** What a system call filter does with one call: an error number's name, or the program's end. */
export interface SystemCallRule {
  readonly name: string;
  readonly error?: string;
  /** Takes the call out of the list again. */
  readonly removes?: boolean;
}

export interface SystemCallFilter {
  readonly allow: boolean;
  readonly rules: readonly SystemCallRule[];
}

export interface SandboxSettings {
  readonly rootDirectory?: string;
  readonly mountApiVfs?: boolean;
  readonly privateTmp: boolean;
  readonly privateDevices: boolean;
  readonly privateNetwork: boolean;
  readonly privateUsers: boolean;
  readonly privateIpc: boolean;
  readonly privateMounts: boolean;
  readonly mountPropagation?: "shared" | "slave" | "private";
  readonly protectSystem: "no" | "yes" | "full" | "strict";
  readonly protectHome: "no" | "yes" | "read-only" | "tmpfs";
  readonly protectKernelTunables: boolean;
  readonly protectKernelModules: boolean;
  readonly protectKernelLogs: boolean;
  readonly protectControlGroups: boolean;
  readonly protectClock: boolean;
  readonly protectHostname: boolean;
  readonly protectProc: "default" | "noaccess" | "invisible" | "ptraceable";
  readonly procSubset: "all" | "pid";
  readonly readWritePaths: readonly AccessPath[];
  readonly readOnlyPaths: readonly AccessPath[];
  readonly inaccessiblePaths: readonly AccessPath[];
  readonly execPaths: readonly AccessPath[];
  readonly noExecPaths: readonly AccessPath[];
  readonly binds: readonly BindMount[];
  readonly temporaryFileSystems: readonly TemporaryFileSystem[];
  readonly networkNamespacePath?: string;
  readonly ipcNamespacePath?: string;
  readonly restrictSuidSgid: boolean;
  readonly restrictRealtime: boolean;
  readonly lockPersonality: boolean;
  readonly memoryDenyWriteExecute: boolean;
  /** Kinds of namespaces that may be made, by their short names; undefined: all. */
  readonly restrictNamespaces?: readonly string[];
  readonly restrictAddressFamilies?: NameFilter;
  readonly systemCallFilter?: SystemCallFilter;
  /** What a call that is not allowed fails with; undefined: the program is killed. */
  readonly systemCallError?: string;
  readonly systemCallArchitectures: readonly string[];
}
