/**
 * The stations of a service's life on its way up, and what entering each one does (systemd.service(5); the order of
 * stations is systemd's). A station that has nothing to do goes on to the next at once.
 */
import type { ServiceSettings } from "#unit/service.ts";
import type { UnitResult } from "../../supervisor.ts";
import type { Draft } from "./draft.ts";
import { isStartLimited, startsInWindow } from "./policy.ts";
import { ACTIVE_OF } from "./state.ts";
import { enterDead, enterSignal, enterStop, enterStopByNotify } from "./stopping.ts";

/** Begins a run. */
export function enterStart(draft: Draft): void {
  const { state, settings, context } = draft;
  if (isStartLimited(settings, state.starts, context.nowMs)) {
    refuseStart(draft);
    return;
  }
  Object.assign(state, {
    result: "success",
    reloadResult: "success",
    invocation: context.invocation,
    starts: [...startsInWindow(settings, state.starts, context.nowMs), context.nowMs],
    restarts: state.restartsOver ? 0 : state.restarts,
    restartsOver: false,
    stopping: false,
    startJob: true,
    completed: false,
    mainAlive: false,
    notifyState: "unknown",
  });
  for (const key of OF_ONE_RUN) delete state[key];
  const { namespaceOwner } = context;
  if (namespaceOwner !== undefined) state.namespaceOwner = namespaceOwner;
  if (!isUpAtOnce(settings)) draft.log(`Starting ${context.title}...`);
  enterCondition(draft);
  // Nobody waits for an idle service, not even for the commands before it.
  if (settings.type === "idle" && ACTIVE_OF[state.sub] === "activating") settleStart(draft);
}

const OF_ONE_RUN = [
  "mainEnd",
  "mainRun",
  "mainPid",
  "candidate",
  "control",
  "unspawned",
  "message",
  "startLimitHit",
  "statusText",
  "statusErrno",
  "watchdogOverrideMs",
  "reloadBeginUs",
  "namespaceOwner",
  "expired",
] as const;

/** Whether the start needs no time, so that systemd does not tell of its beginning. */
export function isUpAtOnce({
  type,
  execCondition,
  execStartPre,
  execStartPost,
}: Pick<ServiceSettings, "type" | "execCondition" | "execStartPre" | "execStartPost">): boolean {
  if (type === "idle") return true;
  return (
    type === "simple" && [execCondition, execStartPre, execStartPost].every(({ length }) => length === 0)
  );
}

function refuseStart(draft: Draft): void {
  const { settings } = draft;
  const limit = `${settings.startLimitBurst} starts in ${settings.startLimitIntervalMs / 1000} s`;
  draft.warn("Start request repeated too quickly.");
  draft.state.message = `start limit reached: ${limit}; it can be started again once they have passed, or after a reset`;
  draft.state.startJob = true;
  draft.state.startLimitHit = true;
  enterDead(draft, "start-limit-hit", false);
}

/** What an earlier run has left is not worth a failure, unless nobody may ever kill it. */
function isAdverse(draft: Draft): boolean {
  const { state, settings } = draft;
  if (state.empty) return false;
  draft.do({ kind: "tell-leftovers", when: "start" });
  const wantsAlone = settings.killMode === "control-group" || settings.killMode === "mixed";
  if (!wantsAlone || settings.sendSigkill) return false;
  draft.tell(
    "Will not start SendSIGKILL=no service of type KillMode=control-group or mixed while processes exist",
    3,
  );
  return true;
}

function enterCondition(draft: Draft): void {
  if (isAdverse(draft)) {
    enterDead(draft, "resources", true);
    return;
  }
  draft.enter("condition", draft.settings.timeoutStartMs);
  if (!draft.runControl("execCondition")) enterStartPre(draft);
}

export function enterStartPre(draft: Draft): void {
  draft.enter("start-pre", draft.settings.timeoutStartMs);
  if (!draft.runControl("execStartPre")) enterMain(draft);
}

export function enterMain(draft: Draft): void {
  const { type, execStart, timeoutStartMs } = draft.settings;
  const isUnchecked = type === "simple" || type === "idle";
  draft.enter("start", isUnchecked ? undefined : timeoutStartMs);
  if (type === "forking") draft.runControl("execStart");
  else if (execStart.length > 0) draft.runMain(0);
  else enterStartPost(draft);
}

export function enterStartPost(draft: Draft): void {
  draft.enter("start-post", draft.settings.timeoutStartMs);
  resetWatchdog(draft);
  if (!draft.runControl("execStartPost")) enterRunning(draft, "success");
}

/** Up, or on the way down if what should run does not. `result`: how the main process ended, if it did. */
export function enterRunning(draft: Draft, result: UnitResult): void {
  const { state, settings } = draft;
  const wasReloading = state.reloadJob || ACTIVE_OF[state.sub] === "reloading";
  draft.blame(result);
  delete state.control;
  if (state.result !== "success") {
    enterSignal(draft, "stop-sigterm", result);
  } else if (isGood(draft)) {
    if (state.notifyState === "reloading") enterReloadByNotify(draft);
    else if (state.notifyState === "stopping") enterStopByNotify(draft);
    else enterRunningItself(draft, wasReloading);
  } else if (settings.remainAfterExit) {
    draft.enter("exited");
    if (settings.type === "oneshot") state.completed = true;
    settleUp(draft, wasReloading);
  } else {
    enterStop(draft, "success");
  }
}

/** Whether something of the service still runs: its main process or, where that is not known, anything. */
function isGood(draft: Draft): boolean {
  return draft.mainIsAlive ?? !draft.state.empty;
}

function enterRunningItself(draft: Draft, wasReloading: boolean): void {
  const { state, settings, context } = draft;
  draft.enter("running");
  const { runtimeMaxMs, runtimeRandomizedExtraMs } = settings;
  const extraMs = Math.floor(context.chance * runtimeRandomizedExtraMs);
  if (Number.isFinite(runtimeMaxMs)) state.deadlineMs = state.activeSinceMs + runtimeMaxMs + extraMs;
  settleUp(draft, wasReloading);
}

/** Jobs that waited for the unit to be active have ended. */
function settleUp(draft: Draft, wasReloading: boolean): void {
  const { state, context } = draft;
  settleStart(draft);
  if (!wasReloading) return;
  const failed = state.reloadResult !== "success";
  if (state.reloadJob) {
    state.reloadJob = false;
    draft.log(failed ? `Reload failed for ${context.title}.` : `Reloaded ${context.title}.`, failed ? 3 : 6);
  }
  draft.do({ kind: "reloaded", failed });
}

function settleStart(draft: Draft): void {
  const { state, settings, context } = draft;
  if (state.startJob) draft.log(`${settings.type === "oneshot" ? "Finished" : "Started"} ${context.title}.`);
  state.startJob = false;
  draft.do({ kind: "up" });
}

/** The service reloads by itself: who listens to it learns of it, and it may take as long as a start. */
export function enterReloadByNotify(draft: Draft): void {
  draft.enter("reload-notify", draft.settings.timeoutStartMs);
  // It is up as well, which a start job may have waited for.
  settleStart(draft);
}

/** The service is given the whole time again; without a watchdog there is none to run out. */
export function resetWatchdog({ state, settings, context }: Draft): void {
  const watchdogMs = state.watchdogOverrideMs ?? settings.watchdogMs;
  if (watchdogMs > 0 && Number.isFinite(watchdogMs)) state.watchdogDueMs = context.nowMs + watchdogMs;
  else delete state.watchdogDueMs;
}
