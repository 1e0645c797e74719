/**
 * The state of one service, what can happen to it, and what is to be done about it: all plain data.
 *
 * State and events are JSON-safe, because the shim keeps the state for the next daemon.
 */
import type { ExecCommand } from "#unit/service.ts";
import type { ActiveState, UnitResult } from "../../supervisor.ts";

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
  stop: "deactivating",
  "stop-watchdog": "deactivating",
  "stop-sigterm": "deactivating",
  "stop-sigkill": "deactivating",
  "stop-post": "deactivating",
  "final-sigterm": "deactivating",
  "final-sigkill": "deactivating",
  failed: "failed",
  "auto-restart": "activating",
} as const satisfies Record<string, ActiveState>;

export type ServiceSub = keyof typeof ACTIVE_OF;

/** The lists of commands that are run beside the main process, and the sub state in which each is run. */
export type ControlList =
  | "execCondition"
  | "execStartPre"
  | "execStartPost"
  | "execReload"
  | "execStop"
  | "execStopPost";

/** How a process ended: its exit code, or the name of the signal without SIG. */
export interface ProcessEnd {
  readonly code?: number;
  readonly signal?: string;
}

/** The command that runs beside the main process; a forking service's ExecStart is one as well. */
export interface ControlRun {
  readonly run: number;
  readonly list: ControlList | "execStart";
  readonly index: number;
}

export interface ServiceState {
  readonly sub: ServiceSub;
  readonly result: UnitResult;
  readonly sinceMs: number;
  readonly invocation?: string;
  /** Number of the next command; never reused while a shim lives. */
  readonly nextRun: number;
  /** The main process: its run, and its process id while it lives. */
  readonly mainRun?: number;
  readonly mainPid?: number;
  readonly mainAlive: boolean;
  /** Which ExecStart the main process is. */
  readonly mainIndex: number;
  readonly mainEnd?: ProcessEnd;
  readonly control?: ControlRun;
  /** The run for which there never was a process, for want of what it needs. */
  readonly unspawned?: number;
  /** Whether no process of the unit is left. */
  readonly empty: boolean;
  /** Wall-clock time at which `deadline` is due. */
  readonly deadlineMs?: number;
  /** Wall-clock times of the starts that count for the start limit. */
  readonly starts: readonly number[];
  readonly restarts: number;
  /** An explicit stop came: nothing is restarted. */
  readonly stopping: boolean;
  /** A start came while the unit was stopping: it is started when that is over. */
  readonly startAgain: boolean;
  readonly completed: boolean;
  readonly message?: string;
}

export type ServiceEvent =
  | { readonly kind: "start" }
  | { readonly kind: "stop" }
  | { readonly kind: "reload" }
  | { readonly kind: "reset-failed" }
  | { readonly kind: "started"; readonly run: number; readonly pid: number }
  | { readonly kind: "execed"; readonly run: number }
  | { readonly kind: "failed"; readonly run: number; readonly step: string; readonly error: string }
  | {
      readonly kind: "exited";
      readonly run: number;
      readonly pid: number;
      readonly end: ProcessEnd;
      readonly core: boolean;
      readonly oom: boolean;
    }
  | { readonly kind: "adopted"; readonly run: number; readonly pid: number }
  | { readonly kind: "empty" }
  /** A message on the notification socket; `run` is the run whose main process sent it. */
  | { readonly kind: "notify"; readonly run?: number; readonly text: string }
  /** The time in `deadlineMs` has come. */
  | { readonly kind: "deadline" }
  /** The shim died and took its knowledge along. */
  | { readonly kind: "lost"; readonly reason: string };

export type ServiceAction =
  | {
      readonly kind: "run";
      readonly run: number;
      readonly command: ExecCommand;
      /** Variables beside those of the unit: MAINPID, SERVICE_RESULT, … */
      readonly variables: Readonly<Record<string, string>>;
    }
  /** Absent run: everything the unit started. */
  | { readonly kind: "kill"; readonly signal: string; readonly run?: number }
  /** Finds the main process of a forking service and makes it this run: from its PIDFile=, or the only one there is. */
  | { readonly kind: "find-main"; readonly run: number; readonly pidFile?: string }
  | { readonly kind: "watch"; readonly run: number; readonly pid: number }
  | { readonly kind: "log"; readonly priority: number; readonly text: string }
  /** The unit is up: whoever waits for its start is answered. */
  | { readonly kind: "up" }
  /** A run is over, or a start was refused. `startPending`: who waits for a start goes on waiting. */
  | { readonly kind: "ended"; readonly failed: boolean; readonly startPending: boolean }
  | { readonly kind: "reloaded"; readonly failed: boolean }
  /** Nothing runs and nothing will: the shim may go. Comes before the `ended` that it belongs to. */
  | { readonly kind: "release" };

/** A service that has not been started. */
export function initialState(nowMs: number): ServiceState {
  return {
    sub: "dead",
    result: "success",
    sinceMs: nowMs,
    nextRun: 1,
    mainAlive: false,
    mainIndex: 0,
    empty: true,
    starts: [],
    restarts: 0,
    stopping: false,
    startAgain: false,
    completed: false,
  };
}
