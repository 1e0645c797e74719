/** What the `[Service]` section of a unit file means to whoever runs it: typed, with systemd's defaults filled in (systemd.service(5)). Times are milliseconds; Infinity means never. */

import type { ExecSettings } from "./exec-settings.ts";
import type { ResourceLimits } from "./resources.ts";

export type ServiceType =
  | "simple"
  | "exec"
  | "forking"
  | "oneshot"
  | "dbus"
  | "notify"
  | "notify-reload"
  | "idle";
export type RestartPolicy =
  | "no"
  | "on-success"
  | "on-failure"
  | "on-abnormal"
  | "on-watchdog"
  | "on-abort"
  | "always";
export type KillMode = "control-group" | "mixed" | "process" | "none";
/** How a service that has taken too long is ended. */
export type TimeoutFailureMode = "terminate" | "abort" | "kill";

/** One command of an Exec line, specifiers expanded; variables are expanded when it is run (systemd.service(5), COMMAND LINES). */
export interface ExecCommand {
  readonly path: string;
  /** argv[0] included. */
  readonly argv: readonly string[];
  /** `-`: a failure counts as success. */
  readonly ignoreFailure: boolean;
  /** `:`: variables are not expanded. */
  readonly literalEnvironment: boolean;
  /** `+`, `!` or `!!`: run without the unit's user. */
  readonly privileges: "unit" | "full" | "no-setuid" | "ambient";
}

/** Exit codes and signal names (without SIG) that a status set such as SuccessExitStatus= lists. */
export interface ExitStatusSet {
  readonly codes: readonly number[];
  readonly signals: readonly string[];
}

export interface ServiceSettings extends ExecSettings {
  /** Socket units whose sockets the service gets beside those of the socket unit of its own name. */
  readonly sockets: readonly string[];
  /** Whether reads of the sockets it gets do not wait. */
  readonly nonBlocking: boolean;
  readonly type: ServiceType;
  readonly execCondition: readonly ExecCommand[];
  readonly execStartPre: readonly ExecCommand[];
  readonly execStart: readonly ExecCommand[];
  readonly execStartPost: readonly ExecCommand[];
  readonly execReload: readonly ExecCommand[];
  readonly execStop: readonly ExecCommand[];
  readonly execStopPost: readonly ExecCommand[];
  readonly restart: RestartPolicy;
  readonly restartMs: number;
  readonly restartSteps: number;
  readonly restartMaxDelayMs: number;
  /** `direct`: between the end and the restart the service is neither inactive nor failed to anybody else. */
  readonly restartMode: "normal" | "direct";
  readonly startLimitBurst: number;
  readonly startLimitIntervalMs: number;
  readonly successExitStatus: ExitStatusSet;
  readonly restartPreventExitStatus: ExitStatusSet;
  readonly restartForceExitStatus: ExitStatusSet;
  readonly timeoutStartMs: number;
  readonly timeoutStopMs: number;
  /** How long a service may take to write its core. */
  readonly timeoutAbortMs: number;
  readonly timeoutStartFailureMode: TimeoutFailureMode;
  readonly timeoutStopFailureMode: TimeoutFailureMode;
  readonly runtimeMaxMs: number;
  /** A random share of it is added to `runtimeMaxMs`. */
  readonly runtimeRandomizedExtraMs: number;
  /** Whose end is that of the service: the main process's, or the last one's. */
  readonly exitType: "main" | "cgroup";
  readonly remainAfterExit: boolean;
  readonly pidFile?: string;
  readonly guessMainPid: boolean;
  readonly notifyAccess: "none" | "main" | "exec" | "all";
  /** 0: there is no watchdog. */
  readonly watchdogMs: number;
  readonly oomPolicy: "continue" | "stop" | "kill";
  /** How many file descriptors the service may leave with the supervisor. */
  readonly fileDescriptorStoreMax: number;
  /** `restart`: they are kept while a run follows; `yes`: as long as the unit is loaded. */
  readonly fileDescriptorStorePreserve: "no" | "yes" | "restart";
  readonly killMode: KillMode;
  /** Without SIG: `TERM`. */
  readonly killSignal: string;
  readonly finalKillSignal: string;
  /** That of a stop which a start follows. */
  readonly restartKillSignal: string;
  readonly watchdogSignal: string;
  readonly reloadSignal: string;
  readonly sendSigkill: boolean;
  readonly sendSighup: boolean;
  /** Only ExecStart= is run as the unit's user, and confined. */
  readonly permissionsStartOnly: boolean;
  /** Only ExecStart= is run in the unit's own root. */
  readonly rootDirectoryStartOnly: boolean;
  readonly resources: ResourceLimits;
  /** The slice its control group is in. */
  readonly slice?: string;
}
