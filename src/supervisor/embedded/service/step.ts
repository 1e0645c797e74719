/**
 * The core of the service supervisor: one event against one state gives the next state and what is to be done.
 *
 * Pure. Whoever calls it carries out the actions, keeps the state, and sends `deadline` and `watchdog` events when the
 * times in the state have come. The rules are systemd's (systemd.service(5), and service.c for the order of things).
 * The way up is in starting.ts, the way down in stopping.ts; what moves a service along either is told by the
 * processes' ends (exits.ts), by time (timeouts.ts) and by the service itself (notified.ts).
 */

import { hangup, releaseIfEmpty, unloaded, unneeded } from "./descriptor-store.ts";
import { Draft, type StepContext } from "./draft.ts";
import { empty, exited } from "./exits.ts";
import { expired } from "./holding.ts";
import { adopted, named } from "./main-process.ts";
import { notified } from "./notified.ts";
import { reload, resetFailed, restartRefused, start, stop } from "./requests.ts";
import { enterStartPost } from "./starting.ts";
import type { ServiceAction, ServiceEvent, ServiceState } from "./state.ts";
import { enterDead } from "./stopping.ts";
import { deadline, oom, watchdog } from "./timeouts.ts";

export interface Step {
  readonly state: ServiceState;
  readonly actions: readonly ServiceAction[];
}

type Handlers = {
  readonly [K in ServiceEvent["kind"]]: (draft: Draft, event: Extract<ServiceEvent, { kind: K }>) => void;
};

const HANDLERS: Handlers = {
  start,
  stop,
  reload,
  "reset-failed": resetFailed,
  "restart-refused": restartRefused,
  started,
  execed,
  failed: failedToRun,
  exited,
  adopted,
  named,
  empty,
  expired,
  oom,
  notify: notified,
  hangup,
  unneeded,
  unloaded,
  deadline,
  watchdog,
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

function started(draft: Draft, { run, pid }: { run: number; pid: number }): void {
  const { state, settings } = draft;
  state.empty = false;
  if (run === state.control?.run) state.control = { ...state.control, pid };
  if (run !== state.mainRun) return;
  state.mainPid = pid;
  const isUnchecked = settings.type === "simple" || settings.type === "idle";
  if (state.sub === "start" && isUnchecked) enterStartPost(draft);
}

function execed(draft: Draft, { run }: { run: number }): void {
  const { state, settings } = draft;
  const isMain = run === state.mainRun && state.mainAlive;
  if (isMain && state.sub === "start" && settings.type === "exec") enterStartPost(draft);
}

/** What systemd does itself before there is a process: a failure is none of the command's. */
const BEFORE_PROCESS: readonly string[] = ["environment", "fork", "hold"];

function failedToRun(
  draft: Draft,
  { run, step: at, error }: Extract<ServiceEvent, { kind: "failed" }>,
): void {
  const { state } = draft;
  if (BEFORE_PROCESS.includes(at)) state.unspawned = run;
  // As one that was killed for it: it may be started once it is held again.
  if (at === "hold") state.expired = true;
  state.message = at === "exec" ? `cannot execute ${error}` : `cannot set up the command (${at}): ${error}`;
  draft.tell(state.message, 3);
}

function lost(draft: Draft, { reason }: { reason: string }): void {
  const { state } = draft;
  Object.assign(state, { empty: true, stored: [] });
  if (state.sub === "dead" || state.sub === "failed") {
    releaseIfEmpty(draft);
    return;
  }
  draft.tell(reason, 3);
  Object.assign(state, { message: reason, mainAlive: false });
  if (state.sub !== "auto-restart") enterDead(draft, "resources", true);
}
