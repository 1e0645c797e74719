/** The working copy of a service's state during one step, and the small moves that the step is made of. */
import type { ServiceSettings } from "#unit/service.ts";
import type { UnitResult } from "../../supervisor.ts";
import {
  ACTIVE_OF,
  type ControlRun,
  type ServiceAction,
  type ServiceState,
  type ServiceSub,
} from "./state.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What a step may know beside state and event. */
export interface StepContext {
  readonly unit: string;
  readonly settings: ServiceSettings;
  /** Wall-clock milliseconds. */
  readonly nowMs: number;
  /** A fresh invocation ID, used if the step begins a run. */
  readonly invocation: string;
}

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

  log(text: string, priority = 6): void {
    this.do({ kind: "log", priority, text });
  }

  /** Enters a sub state; every state begins without a deadline. */
  enter(sub: ServiceSub, timeoutMs?: number): void {
    if (ACTIVE_OF[sub] !== ACTIVE_OF[this.state.sub]) this.state.sinceMs = this.context.nowMs;
    this.state.sub = sub;
    delete this.state.deadlineMs;
    if (timeoutMs !== undefined && Number.isFinite(timeoutMs)) {
      this.state.deadlineMs = this.context.nowMs + timeoutMs;
    }
  }

  /** The first thing that went wrong is the result; what follows from it does not replace it. */
  blame(result: UnitResult): void {
    if (this.state.result === "success") this.state.result = result;
  }

  /** Runs ExecStart number `index` as the main process. */
  runMain(index: number): void {
    const command = this.settings.execStart[index];
    if (command === undefined) return;
    const run = this.#nextRun();
    Object.assign(this.state, { mainRun: run, mainIndex: index, mainAlive: true });
    delete this.state.mainPid;
    this.do({ kind: "run", run, command, variables: {} });
  }

  /** Runs a command beside the main process; false when the list has no such command. */
  runControl(list: ControlRun["list"], index: number): boolean {
    const command = this.settings[list][index];
    if (command === undefined) return false;
    const run = this.#nextRun();
    this.state.control = { run, list, index };
    this.do({ kind: "run", run, command, variables: this.#variables(list) });
    return true;
  }

  /** Reserves a run for a main process that the service forks itself. */
  findMain(pidFile: string | undefined): void {
    const run = this.#nextRun();
    Object.assign(this.state, { mainRun: run, mainAlive: false });
    delete this.state.mainPid;
    this.do({ kind: "find-main", run, ...(pidFile === undefined ? {} : { pidFile }) });
  }

  /** Takes another process as the main one, because the service said so. */
  watchMain(pid: number): void {
    const run = this.#nextRun();
    Object.assign(this.state, { mainRun: run, mainAlive: false });
    this.do({ kind: "watch", run, pid });
  }

  /** Counts the new process among those that have to be waited for. */
  #nextRun(): number {
    this.state.empty = false;
    const run = this.state.nextRun;
    this.state.nextRun = run + 1;
    return run;
  }

  #variables(list: ControlRun["list"]): Record<string, string> {
    const variables: Record<string, string> = {};
    if (this.state.mainPid !== undefined && this.state.mainAlive)
      variables.MAINPID = String(this.state.mainPid);
    if (list !== "execStop" && list !== "execStopPost") return variables;
    variables.SERVICE_RESULT = this.state.result;
    const { mainEnd, result } = this.state;
    if (mainEnd?.code !== undefined)
      Object.assign(variables, { EXIT_CODE: "exited", EXIT_STATUS: String(mainEnd.code) });
    if (mainEnd?.signal !== undefined) {
      const how = result === "core-dump" ? "dumped" : "killed";
      Object.assign(variables, { EXIT_CODE: how, EXIT_STATUS: mainEnd.signal });
    }
    return variables;
  }
}
