/** What is asked of a service: by an operator, or by the jobs of other units. */
import type { Draft } from "./draft.ts";
import { enterRunning, enterStart } from "./starting.ts";
import { activeOf, type ServiceEvent } from "./state.ts";
import { enterDead, enterRest, enterSignal, enterStop } from "./stopping.ts";

/** Not asked of a unit on its way down. One that waits for its restart is asked when that has come. */
export function start(draft: Draft, { variables }: Extract<ServiceEvent, { kind: "start" }>): void {
  const { state, settings } = draft;
  const active = activeOf(state.sub, settings.type);
  if (active === "active" || active === "reloading") draft.do({ kind: "up" });
  else if (state.sub === "auto-restart") {
    draft.log(`Stopped ${draft.context.title}.`);
    enterStart(draft);
  } else if (active === "activating") state.startJob = true;
  else if (active !== "deactivating") {
    delete state.variables;
    if (variables !== undefined) state.variables = variables;
    enterStart(draft);
  }
}

export function stop(draft: Draft, { restarts }: { restarts: boolean }): void {
  const { state, context } = draft;
  if (state.sub === "dead" || state.sub === "failed") {
    draft.do({ kind: "ended", failed: state.sub === "failed" });
    return;
  }
  Object.assign(state, { stopping: true, restarting: restarts, stopJob: true, startJob: false });
  if (state.sub === "auto-restart") {
    // Nothing runs while a restart is waited for.
    Object.assign(state, { stopping: false, restarting: false });
    enterRest(draft, false);
    return;
  }
  if (activeOf(state.sub, "simple") === "deactivating" && state.sub !== "stop-watchdog") return;
  draft.log(`Stopping ${context.title}...`);
  if (state.sub === "running" || state.sub === "exited") enterStop(draft, "success");
  // What is under way is not waited for.
  else enterSignal(draft, "stop-sigterm", "success");
}

export function reload(draft: Draft): void {
  const { state, settings, context } = draft;
  if (state.sub !== "running" && state.sub !== "exited") {
    draft.do({ kind: "reloaded", failed: true });
    return;
  }
  draft.log(`Reloading ${context.title}...`);
  state.reloadJob = true;
  state.reloadResult = "success";
  const signalled = settings.type === "notify-reload" && state.mainAlive ? state.mainRun : undefined;
  if (signalled !== undefined) draft.do({ kind: "kill", signal: settings.reloadSignal, run: signalled });
  state.reloadBeginUs = context.monotonicUs;
  if (settings.execReload.length > 0) {
    draft.enter("reload", settings.timeoutStartMs);
    draft.runControl("execReload");
  } else if (signalled !== undefined) draft.enter("reload-signal", settings.timeoutStartMs);
  else enterRunning(draft, "success");
}

export function resetFailed(draft: Draft): void {
  const { state } = draft;
  Object.assign(state, {
    starts: [],
    result: "success",
    reloadResult: "success",
    restarts: 0,
    restartsOver: false,
  });
  delete state.startLimitHit;
  if (state.sub !== "failed") return;
  delete state.message;
  draft.enter("dead");
}

export function restartRefused(
  draft: Draft,
  { reason }: Extract<ServiceEvent, { kind: "restart-refused" }>,
): void {
  if (draft.state.sub !== "auto-restart") return;
  draft.warn(`Failed to schedule restart job: ${reason}`);
  enterDead(draft, "resources", false);
}
