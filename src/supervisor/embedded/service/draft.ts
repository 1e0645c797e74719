/** The working copy of a service's state during one step, and the small moves that the step is made of. */
import type { ServiceSettings } from "#unit/service.ts";
import type { UnitResult } from "../../supervisor.ts";
import {
  activeOf,
  type Candidate,
  CONTROL_SUBS,
  type ControlList,
  type NamedProcess,
  type ServiceAction,
  type ServiceState,
  type ServiceSub,
} from "./state.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What a step may know beside state and event. */
export interface StepContext {
  /** The unit's name. */
  readonly unit: string;
  /** Its name with what it is, for messages about its jobs. */
  readonly title: string;
  readonly settings: ServiceSettings;
  /** Wall-clock milliseconds. */
  readonly nowMs: number;
  /** CLOCK_MONOTONIC, microseconds: what services stamp their messages with. */
  readonly monotonicUs: number;
  /** A fresh invocation ID, used if the step begins a run. */
  readonly invocation: string;
  /** A number in [0, 1). */
  readonly chance: number;
  /** Who made the namespaces that a run which begins now shares with other units. */
  readonly namespaceOwner: string | undefined;
  /** What PIDFile= names at this moment. */
  readonly pidFile: NamedProcess | undefined;
}

/** The sub states in which the service has to show that it lives. */
const WATCHED: readonly ServiceSub[] = ["start-post", "running", "reload", "reload-signal", "reload-notify"];

export class Draft {
  readonly state: Writable<ServiceState>;
  readonly actions: ServiceAction[] = [];
  readonly settings: ServiceSettings;
  readonly context: StepContext;

  constructor(context: StepContext, state: ServiceState) {
    this.context = context;
    this.settings = context.settings;
    this.state = { ...state };
  }

  do(action: ServiceAction): void {
    this.actions.push(action);
  }

  /** A line about the unit's jobs. */
  log(text: string, priority = 6): void {
    this.do({ kind: "log", priority, text });
  }

  /** A line about the unit itself. */
  tell(text: string, priority = 6): void {
    this.log(`${this.context.unit}: ${text}`, priority);
  }

  warn(text: string): void {
    this.tell(text, 4);
  }

  /** Enters a sub state, which may last `timeoutMs`. */
  enter(sub: ServiceSub, timeoutMs = Number.POSITIVE_INFINITY): void {
    this.move(sub);
    this.limit(timeoutMs);
  }

  /** Enters a sub state under the deadline of the one before. */
  move(sub: ServiceSub): void {
    const { state, context } = this;
    const [before, after] = [state.sub, sub].map((one) => activeOf(one, this.settings.type));
    if (after !== before) state.sinceMs = context.nowMs;
    const wasUp = before === "active" || before === "reloading";
    if (after === "active" && !wasUp) state.activeSinceMs = context.nowMs;
    state.sub = sub;
    // A PID file is waited for in one sub state only.
    if (state.candidate?.from === "pid-file") delete state.candidate;
    if (!WATCHED.includes(sub)) delete state.watchdogDueMs;
  }

  /** The sub state's deadline counts from now. */
  limit(timeoutMs: number): void {
    if (Number.isFinite(timeoutMs)) this.state.deadlineMs = this.context.nowMs + timeoutMs;
    else delete this.state.deadlineMs;
  }

  /** The first thing that went wrong is the result; what follows from it does not replace it. */
  blame(result: UnitResult): void {
    if (this.state.result === "success") this.state.result = result;
  }

  // --- processes -------------------------------------------------------------------------------------------------

  /** Whether the main process lives; undefined where it is not known which process that is. */
  get mainIsAlive(): boolean | undefined {
    return this.state.mainRun === undefined ? undefined : this.state.mainAlive;
  }

  /** Runs ExecStart number `index` as the main process. */
  runMain(index: number): void {
    const command = this.settings.execStart[index];
    if (command === undefined) return;
    const run = this.nextRun();
    Object.assign(this.state, { mainRun: run, mainIndex: index, mainAlive: true });
    delete this.state.mainPid;
    this.do({ kind: "run", run, command, role: "main", variables: this.#variables("execStart") });
  }

  /** Runs a command beside the main process; false when the list has no such command. */
  runControl(list: ControlList, index = 0): boolean {
    const command = this.settings[list][index];
    if (command === undefined) {
      delete this.state.control;
      return false;
    }
    const run = this.nextRun();
    this.state.control = { run, list, index };
    // A forking service's ExecStart becomes the service, and is treated as its main process is.
    const role = list === "execStart" ? "main" : "control";
    this.do({ kind: "run", run, command, role, variables: this.#variables(list) });
    return true;
  }

  /** Runs the next command of the list, each of which has the whole time of the sub state. */
  runNextControl(): boolean {
    const { control, sub } = this.state;
    if (control === undefined || CONTROL_SUBS[control.list] !== sub) return false;
    if (control.list === "execStart" || !this.runControl(control.list, control.index + 1)) return false;
    const isStopping = sub === "stop" || sub === "stop-post";
    this.limit(isStopping ? this.settings.timeoutStopMs : this.settings.timeoutStartMs);
    return true;
  }

  /** Looks for the main process of a forking service: in its PID file, or as the only one that is left. */
  findMain(from: "guess" | "pid-file"): void {
    const run = this.nextRun(this.state.empty);
    this.state.candidate = { run, from };
    const { pidFile } = this.settings;
    this.do({ kind: "find-main", run, ...(from === "pid-file" && pidFile !== undefined ? { pidFile } : {}) });
  }

  /** Makes another process the main one, if it is one of the unit's or may be `foreign`. */
  watch(candidate: Omit<Candidate, "run"> & NamedProcess, foreign: boolean): void {
    const run = this.nextRun(this.state.empty);
    this.state.candidate = { run, ...candidate };
    this.do({ kind: "watch", run, pid: candidate.pid, foreign });
  }

  /** A new process is one more that has to be waited for. */
  nextRun(empty = false): number {
    this.state.empty = empty;
    const run = this.state.nextRun;
    this.state.nextRun = run + 1;
    return run;
  }

  #variables(list: ControlList): Record<string, string> {
    const { mainPid, mainAlive, result, mainEnd } = this.state;
    const { pidFile } = this.settings;
    const variables: Record<string, string> = {};
    if (mainPid !== undefined && mainAlive) variables.MAINPID = String(mainPid);
    if (pidFile !== undefined) variables.PIDFILE = pidFile;
    if (list !== "execStop" && list !== "execStopPost") return variables;
    variables.SERVICE_RESULT = result;
    if (mainEnd?.code !== undefined)
      Object.assign(variables, { EXIT_CODE: "exited", EXIT_STATUS: String(mainEnd.code) });
    if (mainEnd?.signal !== undefined) {
      const how = mainEnd.core === true ? "dumped" : "killed";
      Object.assign(variables, { EXIT_CODE: how, EXIT_STATUS: mainEnd.signal });
    }
    return variables;
  }
}
