/**
 * The core of a socket unit: one event against one state gives the next state and what is to be done.
 *
 * Pure. The order of stations is systemd's (systemd.socket(5), socket.c): start-pre, start-chown, start-post,
 * listening, running, stop-pre, stop-post, dead or failed.
 */
import type { SocketSettings } from "#unit/read-socket.ts";
import type { UnitResult, UnitStatus } from "../../../supervisor.ts";
import { countTrigger } from "../trigger-limit.ts";
import { instanceFor } from "./instance-name.ts";
import {
  SOCKET_ACTIVE,
  type SocketAction,
  type SocketCommands,
  type SocketState,
  type SocketSub,
  type SocketUnitEvent,
} from "./socket-state.ts";

/** What a step may know beside state and event. */
export interface SocketContext {
  readonly unit: string;
  /** As the journal calls it. */
  readonly title: string;
  readonly settings: SocketSettings;
  /** Wall-clock milliseconds. */
  readonly nowMs: number;
  /** A fresh invocation ID, used if the step begins a run. */
  readonly invocation: string;
  /** The service of Accept=no, as far as it is loaded, and whether a job of it is under way. */
  readonly service: Pick<UnitStatus, "active" | "sub" | "startLimitHit"> | undefined;
  readonly hasJob: boolean;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

type Handlers = {
  readonly [K in SocketUnitEvent["kind"]]: (
    draft: Draft,
    event: Extract<SocketUnitEvent, { kind: K }>,
  ) => void;
};

const HANDLERS: Handlers = {
  start: enterStartPre,
  stop,
  "reset-failed": resetFailed,
  opened,
  incoming,
  accepted,
  exited,
  empty,
  deadline,
  service: serviceChanged,
  refused,
  served: (draft, { connection }) => draft.drop(connection),
  lost,
};

export interface SocketStep {
  readonly state: SocketState;
  readonly actions: readonly SocketAction[];
}

export function stepSocket(context: SocketContext, state: SocketState, event: SocketUnitEvent): SocketStep {
  const draft = new Draft(context, state);
  dispatch(draft, event);
  return { state: draft.state, actions: draft.actions };
}

function dispatch<K extends SocketUnitEvent["kind"]>(
  draft: Draft,
  event: Extract<SocketUnitEvent, { kind: K }>,
): void {
  const handle: (draft: Draft, event: Extract<SocketUnitEvent, { kind: K }>) => void = HANDLERS[event.kind];
  handle(draft, event);
}

/** The working copy of the state during one step. */
class Draft {
  readonly state: Writable<SocketState>;
  readonly actions: SocketAction[] = [];
  readonly context: SocketContext;

  constructor(context: SocketContext, state: SocketState) {
    this.context = context;
    this.state = { ...state };
  }

  do(action: SocketAction): void {
    this.actions.push(action);
  }

  log(text: string, priority = 6): void {
    this.do({ kind: "log", priority, text });
  }

  enter(sub: SocketSub, timed = false): void {
    const { nowMs, settings } = this.context;
    if (SOCKET_ACTIVE[sub] !== SOCKET_ACTIVE[this.state.sub]) this.state.sinceMs = nowMs;
    if (this.state.sub === "listening") this.do({ kind: "unpoll" });
    this.state.sub = sub;
    delete this.state.deadlineMs;
    if (timed && Number.isFinite(settings.timeoutMs)) this.state.deadlineMs = nowMs + settings.timeoutMs;
  }

  /** The first thing that went wrong is the result. */
  blame(result: UnitResult): void {
    if (this.state.result === "success") this.state.result = result;
  }

  /** Runs one command of a list; false when there is none at that place. */
  run(list: SocketCommands, index = 0): boolean {
    const command = this.context.settings[list][index];
    if (command === undefined) return false;
    const run = this.state.nextRun;
    Object.assign(this.state, { nextRun: run + 1, control: { run, list, index }, empty: false });
    this.do({ kind: "run", run, command });
    return true;
  }

  drop(connection: number): void {
    this.state.connections = this.state.connections.filter((other) => other.connection !== connection);
    this.do({ kind: "drop", connection });
  }

  close(): void {
    if (this.state.names.length > 0) this.do({ kind: "unlisten" });
    this.state.names = [];
  }
}

// --- the stations ---------------------------------------------------------------------------------------------

function enterStartPre(draft: Draft): void {
  const { nowMs, invocation } = draft.context;
  Object.assign(draft.state, { result: "success", invocation, accepted: 0, refused: 0, empty: true });
  draft.state.starts = [...draft.state.starts, nowMs];
  delete draft.state.message;
  draft.enter("start-pre", true);
  if (!draft.run("execStartPre")) enterStartChown(draft);
}

/** The shim opens the ports, with the owners they are to have. */
function enterStartChown(draft: Draft): void {
  draft.enter("start-chown", true);
  draft.do({ kind: "listen" });
}

function opened(draft: Draft, event: Extract<SocketUnitEvent, { kind: "opened" }>): void {
  const { port, error, result } = event;
  const { state, context } = draft;
  if (state.sub !== "start-chown") return;
  const { ports, fileDescriptorName } = context.settings;
  state.names = [...state.names, fileDescriptorName];
  if (error !== undefined) {
    state.message = `cannot listen: ${error}`;
    draft.log(`${context.unit}: Failed to listen on sockets: ${error}`, 4);
    enterStopPre(draft, result ?? "resources");
  } else if (port === ports.length - 1) {
    draft.enter("start-post", true);
    if (!draft.run("execStartPost")) enterListening(draft);
  }
}

function enterListening(draft: Draft): void {
  const wasUp = SOCKET_ACTIVE[draft.state.sub] === "active";
  draft.enter("listening");
  draft.do({ kind: "poll" });
  if (wasUp) return;
  draft.log(`Listening on ${draft.context.title}.`);
  draft.do({ kind: "up" });
}

function enterStopPre(draft: Draft, result: UnitResult): void {
  draft.blame(result);
  draft.enter("stop-pre", true);
  if (!draft.run("execStopPre")) enterStopPost(draft, "success");
}

function enterStopPost(draft: Draft, result: UnitResult): void {
  draft.blame(result);
  draft.close();
  draft.enter("stop-post", true);
  if (!draft.run("execStopPost")) enterSignal(draft, "final-sigterm", "success");
}

type SignalStage = "stop-pre-sigterm" | "stop-pre-sigkill" | "final-sigterm" | "final-sigkill";

/** Signals what is left of the unit's commands; goes on at once where nothing is. */
function enterSignal(draft: Draft, stage: SignalStage, result: UnitResult): void {
  draft.blame(result);
  if (!draft.state.empty) {
    draft.enter(stage, true);
    draft.do({ kind: "kill", signal: stage.endsWith("kill") ? "KILL" : "TERM" });
  } else if (stage === "stop-pre-sigterm" || stage === "stop-pre-sigkill") {
    enterStopPost(draft, "success");
  } else {
    enterDead(draft, "success");
  }
}

function enterDead(draft: Draft, result: UnitResult): void {
  draft.blame(result);
  const { state, context } = draft;
  const failed = state.result !== "success";
  delete state.control;
  draft.close();
  draft.enter(failed ? "failed" : "dead");
  if (failed) draft.log(`${context.unit}: Failed with result '${state.result}'.`, 4);
  else draft.log(`Closed ${context.title}.`);
  draft.do({ kind: "ended", failed });
}

// --- what the operator asks ------------------------------------------------------------------------------------

function stop(draft: Draft): void {
  const active = SOCKET_ACTIVE[draft.state.sub];
  if (active === "activating") enterSignal(draft, "stop-pre-sigterm", "success");
  else if (active === "active") enterStopPre(draft, "success");
}

function resetFailed(draft: Draft): void {
  const { state } = draft;
  state.starts = [];
  delete state.triggers;
  if (state.sub !== "failed") return;
  state.result = "success";
  delete state.message;
  draft.enter("dead");
}

// --- traffic ------------------------------------------------------------------------------------------------------

/** Counts one activation; false when it is one too many, which is the unit's failure. */
function mayTrigger(draft: Draft): boolean {
  const { state, context } = draft;
  const triggers = countTrigger(context.settings.triggerLimit, state.triggers, context.nowMs);
  if (triggers !== undefined) {
    state.triggers = triggers;
    return true;
  }
  state.message = "its service was started too often; reset-failed and start it again once that is mended";
  draft.log(`${context.unit}: Trigger limit hit, refusing further activation.`, 4);
  enterStopPre(draft, "trigger-limit-hit");
  return false;
}

function incoming(draft: Draft): void {
  const { state, context } = draft;
  if (state.sub !== "listening" || !mayTrigger(draft)) return;
  const isUp = context.service !== undefined && !isAtRest(context.service.active);
  if (!isUp && !context.hasJob) draft.do({ kind: "trigger" });
  draft.enter("running");
}

function accepted(draft: Draft, event: Extract<SocketUnitEvent, { kind: "accepted" }>): void {
  const { state, context } = draft;
  const { connection, instance, remote } = event;
  const isOpen = state.sub === "listening" && mayTrigger(draft);
  const problem = isOpen ? tooMany(draft, event) : "";
  if (problem !== undefined) {
    state.refused += 1;
    if (problem !== "") draft.log(`${context.unit}: ${problem}, dropping connection.`, 4);
    draft.drop(connection);
    return;
  }
  const unit = instanceFor(context.unit, state.accepted, instance);
  state.accepted += 1;
  state.connections = [...state.connections, { connection, unit, remote }];
  draft.do({ kind: "serve", unit });
}

function tooMany({ state, context }: Draft, { remote }: Extract<SocketUnitEvent, { kind: "accepted" }>) {
  const { maxConnections, maxConnectionsPerSource } = context.settings;
  const count = state.connections.length;
  if (count >= maxConnections) return `Too many incoming connections (${count})`;
  if (maxConnectionsPerSource === 0 || remote.family === "unix") return undefined;
  const { host } = remote;
  const same = state.connections.filter(
    (other) => other.remote.family !== "unix" && other.remote.host === host,
  ).length;
  return same >= maxConnectionsPerSource
    ? `Too many incoming connections (${same}) from source ${host}`
    : undefined;
}

/** What cannot even be asked to start will not be by the next connection either. */
function refused(draft: Draft, { reason, unit }: { reason: string; unit: string }): void {
  const connection = draft.state.connections.find((other) => other.unit === unit);
  if (connection !== undefined) draft.drop(connection.connection);
  if (SOCKET_ACTIVE[draft.state.sub] !== "active") return;
  draft.state.message = `cannot start its service: ${reason}`;
  draft.log(`${draft.context.unit}: Failed to queue service startup job: ${reason}`, 4);
  enterStopPre(draft, "resources");
}

function isAtRest(active: UnitStatus["active"]): boolean {
  return active === "inactive" || active === "failed";
}

/** The service's sub states in which its sockets are listened on again. */
const GIVEN_BACK: ReadonlySet<string> = new Set([
  "dead",
  "failed",
  "final-sigterm",
  "final-sigkill",
  "auto-restart",
]);

function serviceChanged(draft: Draft): void {
  const { state, context } = draft;
  const { service, hasJob, settings } = context;
  if (SOCKET_ACTIVE[state.sub] !== "active" || settings.accept || service === undefined) return;
  if (service.startLimitHit === true) {
    enterStopPre(draft, "service-start-limit-hit");
    return;
  }
  if (hasJob) return;
  if (GIVEN_BACK.has(service.sub)) {
    if (state.sub === "running") enterListening(draft);
  } else if (service.sub === "running" && state.sub === "listening") {
    draft.enter("running");
  }
}

// --- commands -----------------------------------------------------------------------------------------------------

function exited(draft: Draft, { run, result }: { run: number; result: UnitResult }): void {
  const { control, sub } = draft.state;
  if (control?.run !== run) return;
  delete draft.state.control;
  const command = draft.context.settings[control.list][control.index];
  const outcome = command?.ignoreFailure === true ? "success" : result;
  if (outcome === "success" && draft.run(control.list, control.index + 1)) return;
  AFTER_COMMANDS[sub]?.(draft, outcome);
}

/** What comes after a list of commands has run to its end, or one of them has failed. */
const AFTER_COMMANDS: { readonly [S in SocketSub]?: (draft: Draft, result: UnitResult) => void } = {
  "start-pre": (draft, result) =>
    result === "success" ? enterStartChown(draft) : enterSignal(draft, "final-sigterm", result),
  "start-post": (draft, result) =>
    result === "success" ? enterListening(draft) : enterStopPre(draft, result),
  "stop-pre": enterStopPost,
  "stop-pre-sigterm": enterStopPost,
  "stop-pre-sigkill": enterStopPost,
  "stop-post": (draft, result) => enterSignal(draft, "final-sigterm", result),
};

function empty(draft: Draft): void {
  const { state } = draft;
  if (state.control !== undefined) return;
  state.empty = true;
  if (state.sub === "final-sigterm" || state.sub === "final-sigkill") enterDead(draft, "success");
}

const DEADLINE: { readonly [S in SocketSub]?: (draft: Draft) => void } = {
  "start-pre": (draft) => enterSignal(draft, "final-sigterm", "timeout"),
  "start-chown": (draft) => enterStopPre(draft, "timeout"),
  "start-post": (draft) => enterSignal(draft, "stop-pre-sigterm", "timeout"),
  "stop-pre": (draft) => enterSignal(draft, "stop-pre-sigterm", "timeout"),
  "stop-pre-sigterm": (draft) => enterSignal(draft, "stop-pre-sigkill", "timeout"),
  "stop-pre-sigkill": (draft) => enterStopPost(draft, "timeout"),
  "stop-post": (draft) => enterSignal(draft, "final-sigterm", "timeout"),
  "final-sigterm": (draft) => enterSignal(draft, "final-sigkill", "timeout"),
  "final-sigkill": (draft) => enterDead(draft, "timeout"),
};

/** What is done when a station has lasted too long. */
function deadline(draft: Draft): void {
  const { state, context } = draft;
  if (state.deadlineMs === undefined) return;
  delete state.deadlineMs;
  draft.log(`${context.unit}: ${state.sub} timed out.`, 4);
  DEADLINE[state.sub]?.(draft);
}

function lost(draft: Draft, { reason }: { reason: string }): void {
  const { state } = draft;
  Object.assign(state, { names: [], connections: [], empty: true });
  if (state.sub === "dead" || state.sub === "failed") return;
  state.message = reason;
  draft.log(`${draft.context.unit}: ${reason}`, 3);
  enterDead(draft, "resources");
}
