/**
 * The state of one service, what can happen to it, and what is to be done about it: all plain data.
 *
 * State and events are JSON-safe, because the shim keeps the state for the next daemon.
 */
import type { ExecCommand, ServiceType } from "#unit/service.ts";
import type { ActiveState, Hold, UnitResult } from "../../supervisor.ts";
import type { ProcessEvent } from "../shim/protocol.ts";
import type { StoredDescriptor } from "./descriptor-store.ts";

/** systemd's sub states of a service and the active state each belongs to. */
export const ACTIVE_OF = {
  dead: "inactive",
  condition: "activating",
  "start-pre": "activating",
  start: "activating",
  "start-post": "activating",
  running: "active",
  exited: "active",
  reload: "reloading",
  /** A reload signal was sent to a notify-reload service, which has not answered yet. */
  "reload-signal": "reloading",
  /** The service has said that it reloads, and not yet that it is ready. */
  "reload-notify": "reloading",
  stop: "deactivating",
  "stop-watchdog": "deactivating",
  "stop-sigterm": "deactivating",
  "stop-sigkill": "deactivating",
  "stop-post": "deactivating",
  "final-watchdog": "deactivating",
  "final-sigterm": "deactivating",
  "final-sigkill": "deactivating",
  failed: "failed",
  "auto-restart": "activating",
} as const satisfies Record<string, ActiveState>;

export type ServiceSub = keyof typeof ACTIVE_OF;

/** An idle service is active from its first command on, so that nobody waits for it. */
export function activeOf(sub: ServiceSub, type: ServiceType): ActiveState {
  const isStarting = sub === "condition" || sub === "start-pre" || sub === "start" || sub === "start-post";
  return type === "idle" && isStarting ? "active" : ACTIVE_OF[sub];
}

/** The lists of commands that are run beside the main process, and the sub state in which each is run. */
export const CONTROL_SUBS = {
  execCondition: "condition",
  execStartPre: "start-pre",
  /** Of a forking service, whose main process is another. */
  execStart: "start",
  execStartPost: "start-post",
  execReload: "reload",
  execStop: "stop",
  execStopPost: "stop-post",
} as const satisfies Record<string, ServiceSub>;

export type ControlList = keyof typeof CONTROL_SUBS;

/** How a process ended: its exit code, or the name of the signal without SIG; neither where that cannot be known. */
export interface ProcessEnd {
  readonly code?: number;
  readonly signal?: string;
  /** The signal made it write its core. */
  readonly core?: boolean;
}

/** The command that runs beside the main process; a forking service's ExecStart is one as well. */
export interface ControlRun {
  readonly run: number;
  readonly list: ControlList;
  readonly index: number;
  readonly pid?: number;
}

/** A process that may become the main one: it is looked for, or was named by the service, and is not checked yet. */
export interface Candidate extends Partial<NamedProcess> {
  readonly run: number;
  /** `pid-file`: the file is waited for until it names a process that can be the main one. `named`: it has named this. */
  readonly from: "guess" | "pid-file" | "named" | "notify";
  /** How the main process before it ended; that counts if the candidate is none. */
  readonly end?: ProcessEnd;
}

/** A process that PIDFile= names, which may be none of the unit's unless the file's owner, or who can replace it, is not root. */
export interface NamedProcess {
  readonly pid: number;
  readonly distrust?: "owner" | "path";
}

/** What the service said last of READY=, RELOADING= and STOPPING=. */
export type NotifyState = "unknown" | "ready" | "reloading" | "stopping";

export interface ServiceState {
  readonly sub: ServiceSub;
  readonly result: UnitResult;
  readonly reloadResult: UnitResult;
  readonly sinceMs: number;
  /** When the service became active, for RuntimeMaxSec=. */
  readonly activeSinceMs: number;
  readonly invocation?: string;
  /** Who made the namespaces that this run shares with other units; absent: it has its own. */
  readonly namespaceOwner?: string;
  /** What the unit that asked for this run tells its commands. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Number of the next command; never reused while a shim lives. */
  readonly nextRun: number;
  /** The main process: its run, and its process id while it lives. Absent: not known. */
  readonly mainRun?: number;
  readonly mainPid?: number;
  readonly mainAlive: boolean;
  /** Which ExecStart the main process is. */
  readonly mainIndex: number;
  readonly mainEnd?: ProcessEnd;
  readonly candidate?: Candidate;
  readonly control?: ControlRun;
  /** The run for which there never was a process, for want of what it needs. */
  readonly unspawned?: number;
  /** Whether no process of the unit is left. */
  readonly empty: boolean;
  /** Wall-clock time at which the sub state has lasted too long. */
  readonly deadlineMs?: number;
  /** Wall-clock time at which the service is taken for hung. */
  readonly watchdogDueMs?: number;
  /** WATCHDOG_USEC=, in milliseconds. */
  readonly watchdogOverrideMs?: number;
  readonly notifyState: NotifyState;
  /** When a notify-reload service was last asked to reload; on CLOCK_MONOTONIC, microseconds. */
  readonly reloadBeginUs?: number;
  readonly statusText?: string;
  readonly statusErrno?: number;
  /** The last start was refused because there had been too many. */
  readonly startLimitHit?: boolean;
  /** Wall-clock times of the starts that count for the start limit. */
  readonly starts: readonly number[];
  readonly restarts: number;
  /** The count of restarts is over: the next start begins at 0. */
  readonly restartsOver: boolean;
  /** An explicit stop came: nothing is restarted by itself. */
  readonly stopping: boolean;
  /** That stop is the first half of a restart. */
  readonly restarting: boolean;
  /** What the service has stored, the last first. */
  readonly stored: readonly StoredDescriptor[];
  /** A job waits for the unit to be up, to be reloaded, to be down; each is told how it ended. */
  readonly startJob: boolean;
  readonly reloadJob: boolean;
  readonly stopJob: boolean;
  readonly completed: boolean;
  /** Until when the service may run, as it was said last or, where it does not run, once. */
  readonly hold?: Hold;
  /** The last run was ended because that had come. */
  readonly expired?: boolean;
  readonly message?: string;
}

export type ServiceEvent =
  /** `variables`: what the unit that asked for it tells the run. */
  | { readonly kind: "start"; readonly variables?: Readonly<Record<string, string>> }
  /** `restarts`: a start follows. */
  | { readonly kind: "stop"; readonly restarts: boolean }
  | { readonly kind: "reload" }
  | { readonly kind: "reset-failed" }
  /** The restart that was asked for by `restart` cannot be made. */
  | { readonly kind: "restart-refused"; readonly reason: string }
  | Exclude<ProcessEvent, { readonly kind: "exited" }>
  | {
      readonly kind: "exited";
      readonly run: number;
      readonly pid: number;
      readonly end: ProcessEnd;
      /** No process of the unit is left. */
      readonly last: boolean;
    }
  /** The PID file that is waited for names a process. */
  | ({ readonly kind: "named" } & NamedProcess)
  /** No job of the unit is queued. */
  | { readonly kind: "unneeded" }
  /** The unit is not known any more. */
  | { readonly kind: "unloaded" }
  /** The time in `deadlineMs` has come; that in `watchdogDueMs`. */
  | { readonly kind: "deadline" }
  | { readonly kind: "watchdog" }
  /** The shim died and took its knowledge along. */
  | { readonly kind: "lost"; readonly reason: string };

export type ServiceAction =
  | {
      readonly kind: "run";
      readonly run: number;
      readonly command: ExecCommand;
      readonly role: "main" | "control";
      /** Variables beside those of the unit: MAINPID, SERVICE_RESULT, … */
      readonly variables: Readonly<Record<string, string>>;
    }
  /** Absent run: everything the unit started. `told`: each process that is killed is named in the journal. */
  | { readonly kind: "kill"; readonly signal: string; readonly run?: number; readonly told?: boolean }
  /** Finds the main process of a forking service and makes it this run: from its PIDFile=, or the only one there is. */
  | { readonly kind: "find-main"; readonly run: number; readonly pidFile?: string }
  /** Makes a process this run; `foreign`: also if it is none of the unit's. */
  | { readonly kind: "watch"; readonly run: number; readonly pid: number; readonly foreign: boolean }
  /** Each process that is still there is named in the journal. */
  | { readonly kind: "tell-leftovers"; readonly when: "start" | "stop" }
  /** Tell when the other end of this one is gone. */
  | { readonly kind: "poll-descriptor"; readonly fd: number }
  | { readonly kind: "close-descriptors"; readonly fds: readonly number[] }
  | { readonly kind: "log"; readonly priority: number; readonly text: string }
  /** The unit is up: whoever waits for its start is answered. */
  | { readonly kind: "up" }
  /** A run is over, or a start was refused. */
  | { readonly kind: "ended"; readonly failed: boolean }
  | { readonly kind: "reloaded"; readonly failed: boolean }
  /** What a run leaves behind goes: its runtime directories, its PID file. `restarts`: another run follows by itself. */
  | { readonly kind: "clean"; readonly restarts: boolean }
  /** The restart is due: a restart job, so that those who hang on the unit are restarted as well. */
  | { readonly kind: "restart" }
  /** Nothing runs and nothing will: the shim may go. Comes before the `ended` that it belongs to. */
  | { readonly kind: "release" };

/** A service that has not been started. */
export function initialState(nowMs: number): ServiceState {
  return {
    sub: "dead",
    result: "success",
    reloadResult: "success",
    sinceMs: nowMs,
    activeSinceMs: nowMs,
    nextRun: 1,
    mainAlive: false,
    mainIndex: 0,
    empty: true,
    notifyState: "unknown",
    starts: [],
    restarts: 0,
    restartsOver: false,
    stopping: false,
    restarting: false,
    stored: [],
    startJob: false,
    reloadJob: false,
    stopJob: false,
    completed: false,
  };
}
