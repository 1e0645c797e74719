/**
 * The core of the service supervisor: one event against one state gives the next state and what is to be done.
 *
 * Pure. Whoever calls it carries out the actions, keeps the state, and sends a `deadline` event when the time in
 * `deadlineMs` has come. The rules are systemd's (systemd.service(5), and service.c for the order of things).
 */
import type { UnitResult } from "../../supervisor.ts";
import { Draft, type StepContext } from "./draft.ts";
import {
  enterDead,
  enterMain,
  enterRunning,
  enterSignal,
  enterStart,
  enterStartPost,
  enterStartPre,
  enterStop,
  enterStopPost,
} from "./enter.ts";
import { notified } from "./notified.ts";
import { controlResult, mainResult } from "./policy.ts";
import {
  ACTIVE_OF,
  type ServiceAction,
  type ServiceEvent,
  type ServiceState,
  type ServiceSub,
} from "./state.ts";

export interface Step {
  readonly state: ServiceState;
  readonly actions: readonly ServiceAction[];
}

type Handlers = {
  readonly [K in ServiceEvent["kind"]]: (draft: Draft, event: Extract<ServiceEvent, { kind: K }>) => void;
};
type Exit = Extract<ServiceEvent, { kind: "exited" }>;

const HANDLERS: Handlers = {
  start,
  stop,
  reload,
  "reset-failed": resetFailed,
  started,
  execed,
  failed: failedToRun,
  exited,
  adopted,
  empty,
  notify: (draft, event) => notified(draft, event),
  deadline,
  lost,
};

export function step(context: StepContext, state: ServiceState, event: ServiceEvent): Step {
  const draft = new Draft(context, state);
  dispatch(draft, event);
  return { state: draft.state, actions: draft.actions };
}

function dispatch<K extends ServiceEvent["kind"]>(
  draft: Draft,
  event: Extract<ServiceEvent, { kind: K }>,
): void {
  const handle: (draft: Draft, event: Extract<ServiceEvent, { kind: K }>) => void = HANDLERS[event.kind];
  handle(draft, event);
}

// --- what the operator asks ---------------------------------------------------------------------------------

function start(draft: Draft): void {
  const { state } = draft;
  const active = ACTIVE_OF[state.sub];
  if (state.sub === "auto-restart") {
    enterStart(draft, false);
    return;
  }
  if (active === "active" || active === "reloading") {
    draft.do({ kind: "up" });
    return;
  }
  if (active === "deactivating") state.startAgain = true;
  else if (active !== "activating") enterStart(draft, false);
}

function stop(draft: Draft): void {
  const { state } = draft;
  state.startAgain = false;
  if (state.sub === "dead" || state.sub === "failed") {
    draft.do({ kind: "ended", failed: state.sub === "failed", startPending: false });
    return;
  }
  state.stopping = true;
  if (state.sub === "auto-restart") {
    draft.enter("dead");
    draft.log(`Stopped ${draft.context.unit}.`);
    draft.do({ kind: "release" });
    draft.do({ kind: "ended", failed: false, startPending: false });
    return;
  }
  if (ACTIVE_OF[state.sub] === "deactivating") return;
  draft.log(`Stopping ${draft.context.unit}...`);
  if (state.sub === "running" || state.sub === "exited") enterStop(draft, "success");
  else enterSignal(draft, "stop-sigterm", "success");
}

function reload(draft: Draft): void {
  if (draft.state.sub !== "running" && draft.state.sub !== "exited") {
    draft.do({ kind: "reloaded", failed: true });
    return;
  }
  draft.enter("reload", draft.settings.timeoutStartMs);
  if (!draft.runControl("execReload", 0)) finishReload(draft, false);
}

function finishReload(draft: Draft, failed: boolean): void {
  draft.log(
    failed ? `Reload of ${draft.context.unit} failed.` : `Reloaded ${draft.context.unit}.`,
    failed ? 4 : 6,
  );
  draft.do({ kind: "reloaded", failed });
  enterRunning(draft, "success");
}

function resetFailed(draft: Draft): void {
  draft.state.starts = [];
  if (draft.state.sub !== "failed") return;
  draft.state.result = "success";
  delete draft.state.message;
  draft.enter("dead");
}

// --- what processes do ----------------------------------------------------------------------------------------

function started(draft: Draft, { run, pid }: { run: number; pid: number }): void {
  const { state, settings } = draft;
  state.empty = false;
  if (run !== state.mainRun) return;
  state.mainPid = pid;
  if (state.sub === "start" && (settings.type === "simple" || settings.type === "idle"))
    enterStartPost(draft);
}

function execed(draft: Draft, { run }: { run: number }): void {
  const isMain = run === draft.state.mainRun && draft.state.mainAlive;
  if (isMain && draft.state.sub === "start" && draft.settings.type === "exec") enterStartPost(draft);
}

type FailedToRun = Extract<ServiceEvent, { kind: "failed" }>;

/** What systemd does itself before there is a process: a failure is none of the command's. */
const BEFORE_PROCESS: readonly string[] = ["environment", "fork"];

function failedToRun(draft: Draft, { run, step: at, error }: FailedToRun): void {
  if (BEFORE_PROCESS.includes(at)) draft.state.unspawned = run;
  draft.state.message =
    at === "exec" ? `cannot execute ${error}` : `cannot set up the command (${at}): ${error}`;
  draft.log(`${draft.context.unit}: ${draft.state.message}`, 3);
}

function exited(draft: Draft, event: Exit): void {
  const { state } = draft;
  if (event.run === state.mainRun) mainExited(draft, event);
  else if (event.run === state.control?.run) controlExited(draft, event);
}

function mainExited(draft: Draft, event: Exit): void {
  const { state, settings } = draft;
  state.mainAlive = false;
  delete state.mainPid;
  if (event.run === state.unspawned) {
    MAIN_EXIT[state.sub]?.(draft, "resources");
    return;
  }
  state.mainEnd = event.end;
  const ignored = settings.type !== "forking" && settings.execStart[state.mainIndex]?.ignoreFailure === true;
  const result = ignored ? "success" : mainResult(settings, event.end, event.core, event.oom);
  logExit(draft, "main process", event, result);
  MAIN_EXIT[state.sub]?.(draft, result);
}

/** What the end of the main process means in each sub state; it means nothing where it is not waited for. */
const MAIN_EXIT: { readonly [S in ServiceSub]?: (draft: Draft, result: UnitResult) => void } = {
  start: mainExitedWhileStarting,
  "start-post": (draft, result) => draft.blame(result),
  running: enterRunning,
  reload: (draft, result) => draft.blame(result),
  "stop-watchdog": mainExitedWhileStopping,
  "stop-sigterm": mainExitedWhileStopping,
  "stop-sigkill": mainExitedWhileStopping,
  "final-sigterm": mainExitedAtLast,
  "final-sigkill": mainExitedAtLast,
  stop: (draft, result) => draft.blame(result),
};

function mainExitedWhileStarting(draft: Draft, result: UnitResult): void {
  const { state, settings } = draft;
  if (result !== "success") {
    enterSignal(draft, "stop-sigterm", result);
    return;
  }
  if (settings.type !== "oneshot") {
    enterSignal(draft, "stop-sigterm", "protocol");
    return;
  }
  const next = state.mainIndex + 1;
  if (next < settings.execStart.length) draft.runMain(next);
  else enterStartPost(draft);
}

function mainExitedWhileStopping(draft: Draft, result: UnitResult): void {
  draft.blame(result);
  if (draft.state.control === undefined) enterStopPost(draft, "success");
}

/** Where only main and control are signalled, nobody else is waited for. */
function mainExitedAtLast(draft: Draft, result: UnitResult): void {
  draft.blame(result);
  if (draft.settings.killMode === "process") enterDead(draft, "success", true);
}

function controlExited(draft: Draft, event: Exit): void {
  const { state, settings } = draft;
  const control = state.control;
  if (control === undefined) return;
  delete state.control;
  const command = settings[control.list][control.index];
  const ended = event.run === state.unspawned ? "resources" : controlResult(event.end, event.core);
  const result = command?.ignoreFailure === true ? "success" : ended;
  if (result !== "success" && control.list !== "execCondition")
    logExit(draft, "control process", event, result);
  const isStarting = control.list === "execStart";
  if (result === "success" && !isStarting && SUB_OF[control.list] === state.sub) {
    if (draft.runControl(control.list, control.index + 1)) return;
  }
  CONTROL_EXIT[state.sub]?.(draft, result, event);
}

/** The sub state in which each list of commands is run. */
const SUB_OF = {
  execCondition: "condition",
  execStartPre: "start-pre",
  execStart: "start",
  execStartPost: "start-post",
  execReload: "reload",
  execStop: "stop",
  execStopPost: "stop-post",
} as const;

/** What comes after a list of commands has run to its end, or one of them has failed. */
const CONTROL_EXIT: { readonly [S in ServiceSub]?: (draft: Draft, result: UnitResult, event: Exit) => void } =
  {
    condition: conditionExited,
    "start-pre": (draft, result) =>
      result === "success" ? enterMain(draft) : enterSignal(draft, "stop-sigterm", result),
    start: forkingParentExited,
    "start-post": (draft, result) =>
      result === "success" ? enterRunning(draft, "success") : enterSignal(draft, "stop-sigterm", result),
    reload: (draft, result) => finishReload(draft, result !== "success"),
    stop: (draft, result) => enterSignal(draft, "stop-sigterm", result),
    "stop-sigterm": controlExitedWhileStopping,
    "stop-sigkill": controlExitedWhileStopping,
    "stop-post": (draft, result) => enterSignal(draft, "final-sigterm", result),
  };

function conditionExited(draft: Draft, result: UnitResult, event: Exit): void {
  if (result === "success") {
    enterStartPre(draft);
    return;
  }
  const { code } = event.end;
  const skips = code !== undefined && code < 255;
  enterSignal(draft, "stop-sigterm", skips ? "exec-condition" : result);
}

function forkingParentExited(draft: Draft, result: UnitResult): void {
  const { settings } = draft;
  if (result !== "success") {
    enterSignal(draft, "stop-sigterm", result);
    return;
  }
  if (settings.pidFile !== undefined || settings.guessMainPid) {
    draft.findMain(settings.pidFile);
    return;
  }
  enterStartPost(draft);
}

function controlExitedWhileStopping(draft: Draft): void {
  if (!draft.state.mainAlive) enterStopPost(draft, "success");
}

/** A forking service's main process is known, or known to be unknown. */
function adopted(draft: Draft, { run, pid }: { run: number; pid: number }): void {
  const { state, settings } = draft;
  if (run !== state.mainRun) return;
  if (pid > 0) Object.assign(state, { mainPid: pid, mainAlive: true, empty: false });
  else delete state.mainRun;
  if (state.sub !== "start" || settings.type !== "forking") return;
  if (pid === 0 && settings.pidFile !== undefined) {
    draft.log(`${draft.context.unit}: PIDFile= names no process of this unit.`, 4);
    enterSignal(draft, "stop-sigterm", "protocol");
    return;
  }
  enterStartPost(draft);
}

function empty(draft: Draft): void {
  const { state } = draft;
  // A command that has been asked for since is not in this count yet.
  if (state.control !== undefined || state.mainAlive) return;
  state.empty = true;
  switch (state.sub) {
    case "running":
      enterRunning(draft, "success");
      break;
    case "start":
      if (draft.settings.type !== "forking") return;
      draft.log(`${draft.context.unit}: nothing is left running after the start command ended.`, 4);
      enterSignal(draft, "stop-sigterm", "protocol");
      return;
    case "stop-watchdog":
    case "stop-sigterm":
    case "stop-sigkill":
      enterStopPost(draft, "success");
      break;
    case "final-sigterm":
    case "final-sigkill":
      enterDead(draft, "success", true);
      break;
    default:
    // In every other state something is still to be run or has been settled already.
  }
}

function lost(draft: Draft, { reason }: { reason: string }): void {
  const { state } = draft;
  if (state.sub === "dead" || state.sub === "failed") return;
  draft.log(`${draft.context.unit}: ${reason}`, 3);
  Object.assign(state, { message: reason, empty: true, mainAlive: false });
  enterDead(draft, "resources", true);
}

function logExit(draft: Draft, who: string, event: Exit, result: UnitResult): void {
  const { code, signal } = event.end;
  const how =
    signal === undefined
      ? `code=exited status=${code}`
      : `code=${event.core ? "dumped" : "killed"} signal=${signal}`;
  const memory = event.oom ? " (out of memory)" : "";
  const isClean = result === "success" && code === 0;
  if (!isClean)
    draft.log(`${draft.context.unit}: ${who} exited, ${how}${memory}`, result === "success" ? 6 : 5);
}

// --- time -----------------------------------------------------------------------------------------------------

function deadline(draft: Draft): void {
  const { state, context } = draft;
  if (state.deadlineMs === undefined) return;
  delete state.deadlineMs;
  if (state.sub === "auto-restart") {
    enterStart(draft, true);
    return;
  }
  draft.log(`${context.unit}: ${state.sub === "running" ? "watchdog" : state.sub} timed out.`, 4);
  DEADLINE[state.sub]?.(draft);
}

const startTimedOut = (draft: Draft): void => enterSignal(draft, "stop-sigterm", "timeout");

/** What is done when a sub state has lasted too long. */
const DEADLINE: { readonly [S in ServiceSub]?: (draft: Draft) => void } = {
  condition: startTimedOut,
  "start-pre": startTimedOut,
  start: startTimedOut,
  "start-post": startTimedOut,
  running: (draft) => enterSignal(draft, "stop-watchdog", "watchdog"),
  reload: reloadTimedOut,
  stop: (draft) => enterSignal(draft, "stop-sigterm", "timeout"),
  "stop-watchdog": (draft) => enterSignal(draft, "stop-sigkill", "watchdog"),
  "stop-sigterm": (draft) =>
    draft.settings.sendSigkill
      ? enterSignal(draft, "stop-sigkill", "timeout")
      : enterStopPost(draft, "timeout"),
  "stop-sigkill": (draft) => enterStopPost(draft, "timeout"),
  "stop-post": (draft) => enterSignal(draft, "final-sigterm", "timeout"),
  "final-sigterm": (draft) =>
    draft.settings.sendSigkill
      ? enterSignal(draft, "final-sigkill", "timeout")
      : enterDead(draft, "timeout", true),
  "final-sigkill": (draft) => enterDead(draft, "timeout", true),
};

function reloadTimedOut(draft: Draft): void {
  const run = draft.state.control?.run;
  if (run !== undefined) draft.do({ kind: "kill", signal: "KILL", run });
  delete draft.state.control;
  finishReload(draft, true);
}
