/**
 * The stations of a service's life on its way down, and what entering each one does. Every way down ends in
 * `enterDead`, whatever went wrong before; ExecStopPost= is run on each.
 */
import type { UnitResult } from "../../supervisor.ts";
import { emptyStore, releaseIfEmpty } from "./descriptor-store.ts";
import type { Draft } from "./draft.ts";
import { restartDelayMs, shallRestart } from "./policy.ts";

export function enterStop(draft: Draft, result: UnitResult): void {
  draft.blame(result);
  draft.enter("stop", draft.settings.timeoutStopMs);
  if (!draft.runControl("execStop")) enterSignal(draft, "stop-sigterm", "success");
}

/** The service has said that it stops: as if it had been signalled. */
export function enterStopByNotify(draft: Draft): void {
  draft.enter("stop-sigterm", draft.settings.timeoutStopMs);
}

export type SignalStage =
  | "stop-watchdog"
  | "stop-sigterm"
  | "stop-sigkill"
  | "final-watchdog"
  | "final-sigterm"
  | "final-sigkill";

/** Signals what KillMode= says and waits for it to end; goes on at once where there is nobody to wait for. */
export function enterSignal(draft: Draft, stage: SignalStage, result: UnitResult): void {
  draft.blame(result);
  const { timeoutStopMs, timeoutAbortMs, sendSigkill } = draft.settings;
  if (sendSignal(draft, stage)) {
    draft.enter(stage, stage.endsWith("watchdog") ? timeoutAbortMs : timeoutStopMs);
    return;
  }
  const isStopping = stage.startsWith("stop");
  if (!stage.endsWith("sigkill") && sendSigkill)
    enterSignal(draft, isStopping ? "stop-sigkill" : "final-sigkill", "success");
  else if (isStopping) enterStopPost(draft, "success");
  else enterDead(draft, "success", true);
}

/** True when a signal was sent to somebody whose end must be waited for. */
function sendSignal(draft: Draft, stage: SignalStage): boolean {
  const { state, settings } = draft;
  const { killMode } = settings;
  const kills = stage.endsWith("sigkill");
  const signal = signalOf(draft, stage);
  const told = !stage.endsWith("sigterm");
  const isRestarting = stage === "stop-sigterm" && state.restarting;
  const sendsHup = settings.sendSighup && stage.endsWith("sigterm") && !isRestarting && signal !== "HUP";
  const kill = (run?: number): void => {
    const whom = run === undefined ? {} : { run };
    draft.do({ kind: "kill", signal, ...whom, ...(told ? { told } : {}) });
    if (sendsHup) draft.do({ kind: "kill", signal: "HUP", ...whom });
  };
  if (killMode === "none") return false;
  if (killMode === "control-group" || (killMode === "mixed" && kills)) {
    if (!state.empty) kill();
    return !state.empty;
  }
  const alive = [state.mainAlive ? state.mainRun : undefined, state.control?.run];
  for (const run of alive) if (run !== undefined) kill(run);
  return alive.some((run) => run !== undefined);
}

function signalOf({ settings, state }: Draft, stage: SignalStage): string {
  if (stage.endsWith("sigkill")) return settings.finalKillSignal;
  if (stage.endsWith("watchdog")) return settings.watchdogSignal;
  return stage === "stop-sigterm" && state.restarting ? settings.restartKillSignal : settings.killSignal;
}

export function enterStopPost(draft: Draft, result: UnitResult): void {
  draft.blame(result);
  draft.enter("stop-post", draft.settings.timeoutStopMs);
  if (!draft.runControl("execStopPost")) enterSignal(draft, "final-sigterm", "success");
}

/** The end of a run: dead, failed, or waiting for the restart. */
export function enterDead(draft: Draft, result: UnitResult, mayRestart: boolean): void {
  draft.blame(result);
  const { state, settings } = draft;
  const failed = state.result !== "success" && state.result !== "exec-condition";
  tellResult(draft, failed);
  if (!state.empty) draft.do({ kind: "tell-leftovers", when: "stop" });
  const restarts = mayRestart && !state.stopping && shallRestart(settings, state.result, state.mainEnd);
  if (settings.type === "oneshot" && state.result === "success" && !state.stopping) state.completed = true;
  Object.assign(state, { mainAlive: false, stopping: false, restarting: false });
  delete state.mainRun;
  delete state.mainPid;
  delete state.control;
  delete state.candidate;
  if (settings.fileDescriptorStorePreserve === "no") emptyStore(draft);
  draft.do({ kind: "clean", restarts });
  if (restarts) enterAutoRestart(draft, failed);
  else {
    state.restartsOver = true;
    enterRest(draft, failed);
  }
}

function tellResult(draft: Draft, failed: boolean): void {
  const { result } = draft.state;
  if (failed) draft.warn(`Failed with result '${result}'.`);
  else if (result === "exec-condition") draft.tell(`Skipped due to '${result}'.`);
  else draft.tell("Deactivated successfully.");
}

function enterAutoRestart(draft: Draft, failed: boolean): void {
  const { state, settings } = draft;
  // To everybody else a direct restart is one long start.
  if (settings.restartMode === "normal") {
    draft.enter(failed ? "failed" : "dead");
    tellJobs(draft, failed);
    draft.do({ kind: "ended", failed });
  }
  draft.enter("auto-restart", restartDelayMs(settings, state.restarts));
}

/** Nothing runs, and nothing is going to by itself. */
export function enterRest(draft: Draft, failed: boolean): void {
  draft.enter(failed ? "failed" : "dead");
  tellJobs(draft, failed);
  // What is left running is kept in view, and what is stored until it is known that no start follows.
  releaseIfEmpty(draft);
  draft.do({ kind: "ended", failed });
}

/** Jobs that waited for the end, or did not get what they waited for, have ended. */
function tellJobs(draft: Draft, failed: boolean): void {
  const { state, settings, context } = draft;
  const isSkipped = state.result === "exec-condition";
  if (state.startJob && failed) draft.log(`Failed to start ${context.title}.`, 3);
  else if (state.startJob && !isSkipped)
    draft.log(`${settings.type === "oneshot" ? "Finished" : "Started"} ${context.title}.`);
  if (state.stopJob) draft.log(`Stopped ${context.title}.`);
  Object.assign(state, { startJob: false, stopJob: false, reloadJob: false });
}
