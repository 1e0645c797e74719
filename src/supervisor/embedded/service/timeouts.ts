/** What is done when a service takes too long, is taken for hung, or has used up its memory. */
import type { UnitResult } from "../../supervisor.ts";
import type { Draft } from "./draft.ts";
import { enterRunning } from "./starting.ts";
import type { ServiceSub } from "./state.ts";
import { enterDead, enterSignal, enterStop, enterStopPost, type SignalStage } from "./stopping.ts";
import { describeSpan } from "./texts.ts";

export function deadline(draft: Draft): void {
  const { state } = draft;
  if (state.deadlineMs === undefined) return;
  delete state.deadlineMs;
  DEADLINE[state.sub]?.(draft);
}

const DEADLINE: { readonly [S in ServiceSub]?: (draft: Draft) => void } = {
  condition: startTimedOut,
  "start-pre": startTimedOut,
  start: startTimedOut,
  "start-post": startTimedOut,
  running: (draft) => {
    draft.warn("Service reached runtime time limit. Stopping.");
    enterStop(draft, "timeout");
  },
  reload: reloadTimedOut,
  "reload-signal": reloadTimedOut,
  "reload-notify": reloadTimedOut,
  stop: (draft) => stopTimedOut(draft, "Stopping timed out.", STOPPING),
  "stop-watchdog": (draft) => killOrGiveUp(draft, "State 'stop-watchdog' timed out.", STOPPING),
  "stop-sigterm": (draft) => signalTimedOut(draft, "State 'stop-sigterm' timed out.", STOPPING),
  "stop-sigkill": (draft) => {
    draft.warn("Processes still around after SIGKILL. Ignoring.");
    enterStopPost(draft, "timeout");
  },
  "stop-post": (draft) => stopTimedOut(draft, "State 'stop-post' timed out.", FINAL),
  "final-watchdog": (draft) => killOrGiveUp(draft, "State 'final-watchdog' timed out.", FINAL),
  "final-sigterm": (draft) => signalTimedOut(draft, "State 'final-sigterm' timed out.", FINAL),
  "final-sigkill": (draft) => {
    draft.warn("Processes still around after final SIGKILL. Entering failed mode.");
    enterDead(draft, "timeout", true);
  },
  "auto-restart": restartDue,
};

/** The ways of ending what does not end, before ExecStopPost= and after it. */
interface Ways {
  readonly terminate: SignalStage;
  readonly abort: SignalStage;
  readonly kill: SignalStage;
  /** What is said and done where nothing may be killed. */
  readonly spared: string;
  readonly giveUp: (draft: Draft, result: UnitResult) => void;
}

const STOPPING: Ways = {
  terminate: "stop-sigterm",
  abort: "stop-watchdog",
  kill: "stop-sigkill",
  spared: "Skipping SIGKILL.",
  giveUp: enterStopPost,
};

const FINAL: Ways = {
  terminate: "final-sigterm",
  abort: "final-watchdog",
  kill: "final-sigkill",
  spared: "Skipping SIGKILL. Entering failed mode.",
  giveUp: (draft, result) => enterDead(draft, result, false),
};

function startTimedOut(draft: Draft): void {
  const mode = draft.settings.timeoutStartFailureMode;
  endBy(draft, mode, `${draft.state.sub} operation timed out.`, STOPPING);
}

function stopTimedOut(draft: Draft, what: string, ways: Ways): void {
  endBy(draft, draft.settings.timeoutStopFailureMode, what, ways);
}

/** After the signal that asks to end comes the one that aborts, where that is wanted, and then the one that kills. */
function signalTimedOut(draft: Draft, what: string, ways: Ways): void {
  if (draft.settings.timeoutStopFailureMode === "abort") endBy(draft, "abort", what, ways);
  else killOrGiveUp(draft, what, ways);
}

function endBy(draft: Draft, mode: "terminate" | "abort" | "kill", what: string, ways: Ways): void {
  if (mode === "kill") {
    killOrGiveUp(draft, what, ways);
    return;
  }
  draft.warn(`${what} ${mode === "abort" ? "Aborting." : "Terminating."}`);
  enterSignal(draft, ways[mode], "timeout");
}

function killOrGiveUp(draft: Draft, what: string, ways: Ways): void {
  const kills = draft.settings.sendSigkill;
  draft.warn(`${what} ${kills ? "Killing." : ways.spared}`);
  if (kills) enterSignal(draft, ways.kill, "timeout");
  else ways.giveUp(draft, "timeout");
}

function reloadTimedOut(draft: Draft): void {
  const { state } = draft;
  draft.warn("Reload operation timed out. Killing reload process.");
  if (state.control !== undefined) draft.do({ kind: "kill", signal: "KILL", run: state.control.run });
  // What it said of its reload before counts no more.
  if (state.notifyState === "reloading") state.notifyState = "unknown";
  state.reloadResult = "timeout";
  enterRunning(draft, "success");
}

/** The restart is a job like any other: it stops what waits, and what hangs on the unit, and starts both again. */
function restartDue(draft: Draft): void {
  const { state } = draft;
  state.restarts += 1;
  state.restartsOver = false;
  draft.tell(`Scheduled restart job, restart counter is at ${state.restarts}.`);
  draft.do({ kind: "restart" });
}

/** The service has not shown in time that it lives. */
export function watchdog(draft: Draft): void {
  const { state, settings } = draft;
  if (state.watchdogDueMs === undefined) return;
  delete state.watchdogDueMs;
  const limitMs = state.watchdogOverrideMs ?? settings.watchdogMs;
  draft.tell(`Watchdog timeout (limit ${describeSpan(limitMs)})!`, 3);
  enterSignal(draft, "stop-watchdog", "watchdog");
}

/** The kernel has killed one of the unit's processes; OOMPolicy= says what becomes of the others. */
export function oom(draft: Draft): void {
  const { state, settings } = draft;
  draft.tell("A process of this unit has been killed by the OOM killer.", 5);
  if (settings.oomPolicy === "continue") return;
  const kills = settings.oomPolicy === "kill";
  switch (state.sub) {
    case "condition":
    case "start-pre":
    case "start":
    case "start-post":
    case "stop":
      enterSignal(draft, kills ? "stop-sigkill" : "stop-sigterm", "oom-kill");
      break;
    case "running":
    case "exited":
      if (kills) enterSignal(draft, "stop-sigkill", "oom-kill");
      else enterStop(draft, "oom-kill");
      break;
    case "stop-watchdog":
    case "stop-sigterm":
      enterSignal(draft, "stop-sigkill", "oom-kill");
      break;
    case "stop-sigkill":
    case "final-sigkill":
      draft.blame("oom-kill");
      break;
    case "stop-post":
    case "final-sigterm":
      enterSignal(draft, "final-sigkill", "oom-kill");
      break;
    default:
    // A unit that reloads goes on as it is, and one at rest has nothing to kill.
  }
}
