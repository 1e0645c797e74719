/**
 * The stations of a service's life: what entering each one does (systemd.service(5); the order of stations is
 * systemd's). A station that has nothing to do goes on to the next at once.
 */
import type { UnitResult } from "../../supervisor.ts";
import type { Draft } from "./draft.ts";
import { isStartLimited, restartDelayMs, shallRestart, startsInWindow } from "./policy.ts";

/** Begins a run. `automatic`: it is a restart of the service's own, which keeps the count of restarts. */
export function enterStart(draft: Draft, automatic: boolean): void {
  const { state, settings, context } = draft;
  if (isStartLimited(settings, state.starts, context.nowMs)) {
    refuseStart(draft, automatic);
    return;
  }
  Object.assign(state, {
    result: "success",
    invocation: context.invocation,
    starts: [...startsInWindow(settings, state.starts, context.nowMs), context.nowMs],
    restarts: automatic ? state.restarts + 1 : 0,
    stopping: false,
    startAgain: false,
    completed: false,
    mainAlive: false,
    empty: true,
  });
  delete state.mainEnd;
  delete state.mainRun;
  delete state.mainPid;
  delete state.message;
  enterCondition(draft);
}

function refuseStart(draft: Draft, automatic: boolean): void {
  const { settings } = draft;
  const seconds = settings.startLimitIntervalMs / 1000;
  const limit = `${settings.startLimitBurst} starts in ${seconds} s`;
  if (!automatic) draft.state.result = "success";
  draft.log(`Start request repeated too quickly (${limit}).`, 4);
  draft.state.message = `start limit reached: ${limit}; it can be started again once they have passed`;
  enterDead(draft, "start-limit-hit", false);
}

function enterCondition(draft: Draft): void {
  draft.enter("condition", draft.settings.timeoutStartMs);
  if (!draft.runControl("execCondition", 0)) enterStartPre(draft);
}

export function enterStartPre(draft: Draft): void {
  draft.enter("start-pre", draft.settings.timeoutStartMs);
  if (!draft.runControl("execStartPre", 0)) enterMain(draft);
}

export function enterMain(draft: Draft): void {
  const { settings } = draft;
  draft.enter("start", settings.timeoutStartMs);
  if (settings.type === "forking") draft.runControl("execStart", 0);
  else if (settings.execStart.length > 0) draft.runMain(0);
  else enterStartPost(draft);
}

export function enterStartPost(draft: Draft): void {
  draft.enter("start-post", draft.settings.timeoutStartMs);
  if (!draft.runControl("execStartPost", 0)) enterRunning(draft, "success");
}

/** Up, or on the way down if what should run does not. `result`: how the main process ended, if it did. */
export function enterRunning(draft: Draft, result: UnitResult): void {
  const { state, settings, context } = draft;
  draft.blame(result);
  if (state.result !== "success") {
    enterSignal(draft, "stop-sigterm", result);
    return;
  }
  if (isGood(draft)) {
    draft.enter("running", settings.watchdogMs > 0 ? settings.watchdogMs : undefined);
  } else if (settings.remainAfterExit) {
    draft.enter("exited");
    if (settings.type === "oneshot") state.completed = true;
  } else {
    enterStop(draft, "success");
    return;
  }
  draft.log(settings.type === "oneshot" ? `Finished ${context.unit}.` : `Started ${context.unit}.`);
  draft.do({ kind: "up" });
}

/** Whether something of the service still runs: its main process or, where that is not known, anything. */
function isGood({ state, settings }: Draft): boolean {
  if (settings.type === "oneshot") return false;
  return state.mainRun === undefined ? !state.empty : state.mainAlive;
}

export function enterStop(draft: Draft, result: UnitResult): void {
  draft.blame(result);
  draft.enter("stop", draft.settings.timeoutStopMs);
  if (!draft.runControl("execStop", 0)) enterSignal(draft, "stop-sigterm", "success");
}

export type SignalStage =
  | "stop-watchdog"
  | "stop-sigterm"
  | "stop-sigkill"
  | "final-sigterm"
  | "final-sigkill";

/** Signals what KillMode= says and waits for it to end; goes on at once where there is nobody to wait for. */
export function enterSignal(draft: Draft, stage: SignalStage, result: UnitResult): void {
  draft.blame(result);
  const isFinal = stage === "final-sigterm" || stage === "final-sigkill";
  const kills = stage === "stop-sigkill" || stage === "final-sigkill";
  const { state, settings } = draft;
  const signal = kills ? settings.finalKillSignal : stage === "stop-watchdog" ? "ABRT" : settings.killSignal;
  if (sendSignal(draft, signal, kills)) {
    draft.enter(stage, settings.timeoutStopMs);
    return;
  }
  if (!kills && settings.sendSigkill && !state.empty && settings.killMode === "mixed") {
    enterSignal(draft, isFinal ? "final-sigkill" : "stop-sigkill", "success");
    return;
  }
  if (isFinal) enterDead(draft, "success", true);
  else enterStopPost(draft, "success");
}

/** True when a signal was sent to somebody whose end must be waited for. */
function sendSignal(draft: Draft, signal: string, kills: boolean): boolean {
  const { state, settings } = draft;
  const { killMode } = settings;
  if (killMode === "none") return false;
  if (killMode === "control-group" || (killMode === "mixed" && kills)) {
    if (state.empty) return false;
    draft.do({ kind: "kill", signal });
    if (!kills && settings.sendSighup) draft.do({ kind: "kill", signal: "HUP" });
    return true;
  }
  const runs = [state.mainAlive ? state.mainRun : undefined, state.control?.run];
  const alive = runs.filter((run) => run !== undefined);
  for (const run of alive) draft.do({ kind: "kill", signal, run });
  return alive.length > 0;
}

export function enterStopPost(draft: Draft, result: UnitResult): void {
  draft.blame(result);
  draft.enter("stop-post", draft.settings.timeoutStopMs);
  if (!draft.runControl("execStopPost", 0)) enterSignal(draft, "final-sigterm", "success");
}

/** The end of a run: dead, failed, or waiting for the restart. */
export function enterDead(draft: Draft, result: UnitResult, mayRestart: boolean): void {
  draft.blame(result);
  const { state, settings, context } = draft;
  const failed = state.result !== "success" && state.result !== "exec-condition";
  const restarts = mayRestart && !state.stopping && shallRestart(settings, state.result, state.mainEnd);
  state.mainAlive = false;
  delete state.mainPid;
  delete state.control;
  if (settings.type === "oneshot" && state.result === "success" && !state.stopping) state.completed = true;
  draft.enter(failed ? "failed" : "dead");
  logEnd(draft, failed);
  if (!restarts && !state.startAgain) draft.do({ kind: "release" });
  draft.do({ kind: "ended", failed, startPending: state.startAgain });
  if (state.startAgain) {
    enterStart(draft, false);
    return;
  }
  if (!restarts) return;
  const delayMs = restartDelayMs(settings, state.restarts);
  draft.enter("auto-restart", delayMs);
  draft.log(`Restarting ${context.unit} in ${Math.round(delayMs)}ms (restart ${state.restarts + 1}).`);
}

function logEnd(draft: Draft, failed: boolean): void {
  const { state, settings, context } = draft;
  if (failed) draft.log(`${context.unit}: failed with result '${state.result}'.`, 4);
  else if (state.result === "exec-condition")
    draft.log(`${context.unit}: skipped, its ExecCondition= does not hold.`);
  else if (state.stopping) draft.log(`Stopped ${context.unit}.`);
  else if (settings.type === "oneshot") draft.log(`Finished ${context.unit}.`);
  else draft.log(`${context.unit}: deactivated successfully.`);
}
