/** What the end of a process means: of the main one, of a command beside it, and of the last one there is. */
import type { UnitResult } from "../../supervisor.ts";
import { releaseIfEmpty } from "./descriptor-store.ts";
import type { Draft } from "./draft.ts";
import { conditionResult, resultOf } from "./policy.ts";
import { enterMain, enterRunning, enterStartPost, enterStartPre } from "./starting.ts";
import {
  CONTROL_SUBS,
  type ControlList,
  type ProcessEnd,
  type ServiceEvent,
  type ServiceSub,
} from "./state.ts";
import { enterDead, enterSignal, enterStop, enterStopPost } from "./stopping.ts";
import { describeEnd } from "./texts.ts";

type Exit = Extract<ServiceEvent, { kind: "exited" }>;
type OnExit = (draft: Draft, result: UnitResult, end: ProcessEnd) => void;

export function exited(draft: Draft, event: Exit): void {
  const { state } = draft;
  if (event.last) state.empty = true;
  if (event.run === state.unspawned) {
    notSpawned(draft, event.run);
    return;
  }
  if (event.run === state.mainRun) mainExitedOrMoved(draft, event);
  else if (event.run === state.control?.run) controlExited(draft, event.end);
}

/** There never was a process, which is no fault of the command's, and nothing that `-` before it forgives. */
function notSpawned(draft: Draft, run: number): void {
  const { state } = draft;
  const { control } = state;
  const task = control?.run === run ? CONTROL_SUBS[control.list] : "start";
  draft.warn(`Failed to run '${task === "condition" ? "exec-condition" : task}' task: ${state.message}`);
  delete state.control;
  if (control?.run === run && control.list !== "execStart") {
    NOT_SPAWNED[control.list](draft);
    return;
  }
  const isFirst = state.mainIndex === 0;
  delete state.mainRun;
  state.mainAlive = false;
  if (isFirst) enterSignal(draft, "stop-sigterm", "resources");
  else enterStop(draft, "resources");
}

const NOT_SPAWNED: Readonly<Record<Exclude<ControlList, "execStart">, (draft: Draft) => void>> = {
  execCondition: (draft) => enterDead(draft, "resources", true),
  execStartPre: (draft) => enterDead(draft, "resources", true),
  execStartPost: (draft) => enterStop(draft, "resources"),
  execReload: (draft) => {
    draft.state.reloadResult = "resources";
    enterRunning(draft, "success");
  },
  execStop: (draft) => enterSignal(draft, "stop-sigterm", "resources"),
  execStopPost: (draft) => enterSignal(draft, "final-sigterm", "resources"),
};

// --- the main process -----------------------------------------------------------------------------------------

/** A service may put another process in the place of its main one: by a message, or by its PID file, before that ends. */
function mainExitedOrMoved(draft: Draft, { pid, end }: Exit): void {
  const { state } = draft;
  const named = draft.context.pidFile;
  state.mainAlive = false;
  delete state.mainPid;
  if (state.candidate?.from === "notify") state.candidate = { ...state.candidate, end };
  else if (named !== undefined && named.pid !== pid)
    draft.watch({ ...named, from: "named", end }, named.distrust === undefined);
  else mainExited(draft, end);
}

export function mainExited(draft: Draft, end: ProcessEnd): void {
  const { state, settings } = draft;
  state.mainEnd = end;
  // What the command that forked it is forgiven, a forking service's daemon is as well.
  const ignored = settings.execStart[state.mainIndex]?.ignoreFailure === true;
  const isDaemon = settings.type !== "oneshot";
  const result = ignored ? "success" : resultOf(settings.successExitStatus, end, isDaemon);
  tellExit(draft, "Main process", end, result);
  draft.blame(result);
  const next = state.mainIndex + 1;
  const hasNext = settings.type === "oneshot" && next < settings.execStart.length;
  if (hasNext && result === "success" && state.sub === "start") {
    draft.limit(settings.timeoutStartMs);
    draft.runMain(next);
  } else if (settings.exitType === "main" || state.empty) MAIN_EXIT[state.sub]?.(draft, result, end);
}

/** What the end of the main process means in each sub state; it means nothing where it is not waited for. */
const MAIN_EXIT: { readonly [S in ServiceSub]?: OnExit } = {
  start: mainExitedWhileStarting,
  "start-post": mainExitedUnlessBusy,
  running: enterRunning,
  reload: mainExitedUnlessBusy,
  "reload-signal": mainExitedUnlessBusy,
  "reload-notify": mainExitedUnlessBusy,
  "stop-watchdog": mainExitedWhileStopping,
  "stop-sigterm": mainExitedWhileStopping,
  "stop-sigkill": mainExitedWhileStopping,
  "stop-post": (draft, result) => {
    if (draft.state.control === undefined) enterSignal(draft, "final-sigterm", result);
  },
  "final-watchdog": mainExitedAtLast,
  "final-sigterm": mainExitedAtLast,
  "final-sigkill": mainExitedAtLast,
};

function mainExitedWhileStarting(draft: Draft, result: UnitResult): void {
  const { type, remainAfterExit, notifyAccess } = draft.settings;
  if (type === "oneshot") {
    if (result === "success") enterStartPost(draft);
    else enterSignal(draft, "stop-sigterm", result);
  } else if (type === "notify" || type === "notify-reload") {
    if (result !== "success") enterSignal(draft, "stop-sigterm", result);
    // Somebody else of the unit may still say that it is ready.
    else if (!remainAfterExit || notifyAccess === "main") enterSignal(draft, "stop-sigterm", "protocol");
  } else enterRunning(draft, result);
}

/** Without its main process, and with no command under way, the state can have no good end. */
function mainExitedUnlessBusy(draft: Draft, result: UnitResult): void {
  if (draft.state.control === undefined) enterStop(draft, result);
}

function mainExitedWhileStopping(draft: Draft, result: UnitResult): void {
  if (draft.state.control === undefined) enterStopPost(draft, result);
}

function mainExitedAtLast(draft: Draft, result: UnitResult): void {
  if (draft.state.control === undefined) enterDead(draft, result, true);
}

// --- commands beside it ----------------------------------------------------------------------------------------

function controlExited(draft: Draft, end: ProcessEnd): void {
  const { state, settings } = draft;
  const { control } = state;
  if (control === undefined) return;
  const ignored = settings[control.list][control.index]?.ignoreFailure === true;
  const plain = ignored ? "success" : resultOf(settings.successExitStatus, end, control.list === "execStart");
  const isCondition = state.sub === "condition";
  const result = isCondition ? conditionResult(plain, end) : plain;
  const isSkip = result === "exec-condition";
  tellExit(
    draft,
    isCondition ? "Condition check process" : "Control process",
    end,
    isSkip ? "success" : result,
  );
  if (state.sub !== "reload") draft.blame(result);
  if (result === "success" && draft.runNextControl()) return;
  delete state.control;
  CONTROL_EXIT[state.sub]?.(draft, result, end);
}

/** What comes after a list of commands has run to its end, or one of them has failed. */
const CONTROL_EXIT: { readonly [S in ServiceSub]?: OnExit } = {
  condition: unlessFailed(enterStartPre),
  "start-pre": unlessFailed(enterMain),
  start: forkingParentExited,
  "start-post": unlessFailed(startPostExited),
  reload: reloadExited,
  "reload-signal": reloadExited,
  "reload-notify": reloadExited,
  stop: (draft, result) => enterSignal(draft, "stop-sigterm", result),
  "stop-watchdog": controlExitedWhileStopping,
  "stop-sigterm": controlExitedWhileStopping,
  "stop-sigkill": controlExitedWhileStopping,
  "stop-post": (draft, result) => {
    if (draft.mainIsAlive !== true) enterSignal(draft, "final-sigterm", result);
  },
  "final-watchdog": controlExitedAtLast,
  "final-sigterm": controlExitedAtLast,
  "final-sigkill": controlExitedAtLast,
};

function unlessFailed(next: (draft: Draft) => void): OnExit {
  return (draft, result) => (result === "success" ? next(draft) : enterSignal(draft, "stop-sigterm", result));
}

function forkingParentExited(draft: Draft, result: UnitResult): void {
  const { state, settings } = draft;
  if (settings.type !== "forking") return;
  if (result !== "success") enterSignal(draft, "stop-sigterm", result);
  else if (settings.pidFile === undefined) {
    // A search that finds nothing is no fault.
    if (state.mainRun === undefined && settings.guessMainPid && !state.empty) draft.findMain("guess");
    else enterStartPost(draft);
    // ExecStartPost= may be what writes the file.
  } else if (settings.execStartPost.length > 0) takePidFile(draft, enterStartPost);
  else if (state.empty) takePidFile(draft, () => enterSignal(draft, "stop-sigterm", "protocol"));
  else draft.findMain("pid-file");
}

/** There is no time, or nobody, to wait for the PID file. */
function takePidFile(draft: Draft, otherwise: (draft: Draft) => void): void {
  const named = draft.context.pidFile;
  if (named === undefined) otherwise(draft);
  else draft.watch({ ...named, from: "named" }, named.distrust === undefined);
}

function startPostExited(draft: Draft): void {
  const { state, settings } = draft;
  if (settings.type !== "forking") enterRunning(draft, "success");
  // The process that the file named before has ended or lives on.
  else if (settings.pidFile !== undefined && state.mainRun === undefined) {
    if (state.empty) takePidFile(draft, () => enterStop(draft, "protocol"));
    else draft.findMain("pid-file");
  } else enterRunning(draft, "success");
}

function reloadExited(draft: Draft, result: UnitResult): void {
  const { state } = draft;
  state.reloadResult = result;
  if (state.notifyState === "reloading") draft.move("reload-notify");
  else enterRunning(draft, "success");
}

function controlExitedWhileStopping(draft: Draft, result: UnitResult): void {
  if (draft.mainIsAlive !== true) enterStopPost(draft, result);
}

function controlExitedAtLast(draft: Draft, result: UnitResult): void {
  if (draft.mainIsAlive !== true) enterDead(draft, result, true);
}

// --- the last one ------------------------------------------------------------------------------------------------

/** Of who is known to be waited for, the end says more than this does. */
export function empty(draft: Draft): void {
  const { state } = draft;
  if (state.control !== undefined || state.mainAlive) return;
  state.empty = true;
  switch (state.sub) {
    case "start":
      emptyWhileStarting(draft);
      break;
    case "start-post":
      neverWrotePidFile(draft);
      break;
    case "running":
      enterRunning(draft, "success");
      break;
    case "stop-watchdog":
    case "stop-sigterm":
    case "stop-sigkill":
      enterStopPost(draft, "success");
      break;
    case "stop-post":
    case "final-watchdog":
    case "final-sigterm":
    case "final-sigkill":
      enterDead(draft, "success", true);
      break;
    case "dead":
    case "failed":
      // What the unit had left behind is gone now.
      releaseIfEmpty(draft);
      break;
    default:
    // In every other state something is still to be run or has been settled already.
  }
}

function emptyWhileStarting(draft: Draft): void {
  const { settings } = draft;
  const { type } = settings;
  if (type === "notify" || type === "notify-reload") {
    // Nobody is left to say that it is ready.
    enterStopPost(draft, "protocol");
  } else if (settings.exitType === "cgroup") enterStartPost(draft);
  else neverWrotePidFile(draft);
}

/** Only where the service has named its main process otherwise does systemd give up before the time is over. */
function neverWrotePidFile(draft: Draft): void {
  if (draft.state.candidate?.from !== "pid-file" || draft.mainIsAlive !== false) return;
  draft.warn("Daemon never wrote its PID file. Failing.");
  const isStarting = draft.state.sub === "start";
  if (isStarting) enterStopPost(draft, "protocol");
  else enterStop(draft, "protocol");
}

function tellExit(draft: Draft, who: string, end: ProcessEnd, result: UnitResult): void {
  if (end.code === undefined && end.signal === undefined)
    draft.tell(`${who}, which does not belong to this unit, has ended; how is not known.`, 5);
  // systemd tells of a good end at its level of debugging only.
  if (result === "success") return;
  draft.tell(`${who} exited, ${describeEnd(end)}`, end.code === undefined ? 4 : 5);
}
