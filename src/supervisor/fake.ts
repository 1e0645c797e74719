/**
 * The fake of {@link Supervisor}: units in memory that do what a script says, under the clock they are given.
 *
 * It owns no process and reads no unit file: what a unit does is the answer of {@link FakeBehaviour}. State changes
 * happen inside the call or inside a timer of the clock, so that a simulation with a virtual clock replays exactly.
 * A {@link FakeMachine} outlives its supervisors as a real machine outlives its daemon.
 */
import type { Clock, Timer } from "#base/clock.ts";
import { FakeJournal } from "./fake-journal.ts";
import type { Hold, JobOutcome, JobRequest, Supervisor, UnitSource, UnitStatus } from "./supervisor.ts";

/** What one run of a unit does. Times are counted from its start. */
export type FakeRun =
  /** A service: active after `startMs` (0), and failed after `crashAfterMs` if that is given. */
  | { readonly kind: "serve"; readonly startMs?: number; readonly crashAfterMs?: number }
  /** A oneshot: activating until it ends with success. */
  | { readonly kind: "finish"; readonly afterMs: number }
  /** Never becomes active. */
  | { readonly kind: "fail"; readonly afterMs?: number; readonly message?: string }
  /** The file cannot be run at all. */
  | { readonly kind: "bad-setting"; readonly message: string };

/** Asked at load and at each start; `run` counts the starts of the unit on this machine from 0. */
export type FakeBehaviour = (unit: UnitSource, run: number) => FakeRun;

export interface FakeOptions {
  readonly clock: Clock;
  /** Absent: every unit is a service that is active at once. */
  readonly behaviour?: FakeBehaviour;
}

interface FakeUnit {
  source: UnitSource;
  status: UnitStatus;
  runs: number;
  timers: Timer[];
  /** Who waits for the end of the running start job. */
  waiting: ((outcome: JobOutcome) => void)[];
  hold?: Hold | undefined;
  holdTimer?: Timer | undefined;
}

type Listener = (name: string, status: UnitStatus | undefined) => void;

const DONE: JobOutcome = { result: "done" };

/** A machine whose units are imagined. */
export class FakeMachine {
  readonly #clock: Clock;
  readonly #behaviour: FakeBehaviour;
  readonly #units = new Map<string, FakeUnit>();
  readonly #listeners = new Set<Listener>();
  readonly #journal: FakeJournal;
  #invocations = 0;

  constructor(options: FakeOptions) {
    this.#clock = options.clock;
    this.#behaviour = options.behaviour ?? (() => ({ kind: "serve" }));
    this.#journal = new FakeJournal(options.clock);
  }

  /** Names of the units that run or are about to: what a process list would show. */
  running(): readonly string[] {
    const alive = [...this.#units.values()].filter((unit) => isUp(unit.status));
    return alive.map((unit) => unit.source.name).sort();
  }

  /** What the unit is held by, if it is. */
  holdOf(name: string): Hold | undefined {
    return this.#units.get(name)?.hold;
  }

  /** Ends every run at once, as a power cut does; the unit files stay, for the next supervisor to find. */
  cutPower(): void {
    for (const unit of this.#units.values()) {
      this.#abandon(unit, "the machine lost power");
      unit.status = this.#fresh(unit.source);
      unit.hold = undefined;
      unit.holdTimer?.cancel();
    }
    this.#listeners.clear();
  }

  /** A supervisor as a freshly started daemon gets it: it takes over what runs. */
  supervisor(): Supervisor {
    const own = new Set<Listener>();
    return {
      kind: "fake",
      enforcement: { tracking: "none", memory: false, cpu: false, tasks: false, users: false, notes: [] },
      load: async (units) => {
        // Nothing here makes units from templates.
        for (const unit of units) if (!unit.name.includes("@.")) this.#load(unit);
      },
      unload: async (names) => {
        for (const name of names) this.#unload(name);
      },
      start: (name) => this.#start(name),
      stop: async (name) => this.#stop(name),
      restart: (name) => this.#restart(name),
      enqueue: async (request) => this.#enqueue(request),
      hold: (name, hold) => this.#hold(name, hold),
      heldUntil: (name) => this.#units.get(name)?.hold?.untilMs,
      resetFailed: async (name) => this.#resetFailed(name),
      status: (name) => this.#units.get(name)?.status,
      usage: () => ({}),
      statuses: () => [...this.#units.values()].map((unit) => unit.status),
      onStatus: (listener) => {
        own.add(listener);
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      journal: (query) => this.#journal.read(query),
      close: async () => {
        for (const listener of own) this.#listeners.delete(listener);
      },
    };
  }

  async #restart(name: string): Promise<JobOutcome> {
    const stopped = this.#stop(name);
    return stopped.result === "done" ? this.#start(name) : stopped;
  }

  /** Imagined units know the three plain jobs only, in any mode. */
  #enqueue({ type, unit }: JobRequest): Promise<JobOutcome> | JobOutcome {
    switch (type) {
      case "start":
        return this.#start(unit);
      case "stop":
        return this.#stop(unit);
      case "restart":
        return this.#restart(unit);
      default:
        return {
          result: "invalid",
          error: "JobTypeNotApplicable",
          message: `Job type ${type} is not applicable for unit ${unit}.`,
        };
    }
  }

  #load(source: UnitSource): void {
    const known = this.#units.get(source.name);
    const run = this.#behaviour(source, known?.runs ?? 0);
    const unit = known ?? { source, status: this.#fresh(source), runs: 0, timers: [], waiting: [] };
    unit.source = source;
    this.#units.set(source.name, unit);
    const { message: _, ...rest } = unit.status;
    this.#publish(unit, {
      ...rest,
      file: source.file,
      load: run.kind === "bad-setting" ? "bad-setting" : "loaded",
      ...(run.kind === "bad-setting" ? { message: run.message } : {}),
    });
  }

  #unload(name: string): void {
    const unit = this.#units.get(name);
    if (unit === undefined) return;
    this.#stop(name);
    unit.holdTimer?.cancel();
    this.#units.delete(name);
    for (const listener of this.#listeners) listener(name, undefined);
  }

  async #start(name: string): Promise<JobOutcome> {
    const unit = this.#units.get(name);
    if (unit === undefined) return { result: "invalid", message: `unit ${name} is not loaded` };
    if (unit.status.load !== "loaded")
      return { result: "failed", message: unit.status.message ?? "bad unit file" };
    if (unit.status.active === "active") return DONE;
    if (this.#isExpired(unit))
      return { result: "failed", message: "its hold has passed", error: "HoldPassed" };
    const ended = new Promise<JobOutcome>((resolve) => unit.waiting.push(resolve));
    if (unit.status.active !== "activating") this.#run(unit);
    return ended;
  }

  #run(unit: FakeUnit): void {
    const run = this.#behaviour(unit.source, unit.runs);
    unit.runs += 1;
    const invocation = (++this.#invocations).toString(16).padStart(32, "0");
    const begun = { active: "activating", sub: "start", result: "success", expired: false } as const;
    this.#set(unit, { ...begun, invocation, completed: false });
    switch (run.kind) {
      case "serve":
        this.#after(unit, run.startMs ?? 0, () => this.#activate(unit));
        if (run.crashAfterMs === undefined) break;
        this.#after(unit, run.crashAfterMs, () => this.#fail(unit, "it crashed"));
        break;
      case "finish":
        this.#after(unit, run.afterMs, () => this.#finish(unit));
        break;
      case "fail":
        this.#after(unit, run.afterMs ?? 0, () => this.#fail(unit, run.message ?? "it failed to start"));
        break;
      case "bad-setting":
        this.#fail(unit, run.message);
    }
  }

  /** A delay of nothing is no timer: the change happens inside the call. */
  #after(unit: FakeUnit, delayMs: number, act: () => void): void {
    if (delayMs === 0) act();
    else unit.timers.push(this.#clock.setTimer(delayMs, act));
  }

  #activate(unit: FakeUnit): void {
    this.#set(unit, { active: "active", sub: "running" });
    this.#note(unit, `Started ${unit.source.name}.`);
    settle(unit, DONE);
  }

  #finish(unit: FakeUnit): void {
    this.#set(unit, { active: "inactive", sub: "dead", completed: true });
    this.#note(unit, `Finished ${unit.source.name}.`);
    settle(unit, DONE);
  }

  #fail(unit: FakeUnit, message: string): void {
    cancelTimers(unit);
    this.#set(unit, { active: "failed", sub: "failed", result: "exit-code", exitCode: 1, message });
    this.#note(unit, message);
    settle(unit, { result: "failed", message });
  }

  #stop(name: string): JobOutcome {
    const unit = this.#units.get(name);
    if (unit === undefined) return { result: "invalid", message: `unit ${name} is not loaded` };
    if (isUp(unit.status)) {
      this.#abandon(unit, "stopped");
      this.#set(unit, { active: "inactive", sub: "dead" });
      this.#note(unit, `Stopped ${name}.`);
    }
    return DONE;
  }

  #hold(name: string, hold: Hold | undefined): void {
    const unit = this.#units.get(name);
    if (unit === undefined) return;
    unit.hold = hold;
    unit.holdTimer?.cancel();
    unit.holdTimer = undefined;
    if (hold === undefined) return;
    const leftMs = Math.max(0, hold.untilMs - this.#clock.boottime());
    unit.holdTimer = this.#clock.setTimer(leftMs, () => this.#expire(unit));
  }

  #isExpired({ hold }: FakeUnit): boolean {
    return hold !== undefined && hold.untilMs <= this.#clock.boottime();
  }

  #expire(unit: FakeUnit): void {
    if (!isUp(unit.status)) return;
    cancelTimers(unit);
    const message = "its hold has passed";
    this.#set(unit, { active: "failed", sub: "failed", result: "timeout", message, expired: true });
    settle(unit, { result: "failed", message });
  }

  #resetFailed(name: string): void {
    const unit = this.#units.get(name);
    if (unit?.status.active === "failed")
      this.#publish(unit, { ...this.#fresh(unit.source), load: unit.status.load });
  }

  #abandon(unit: FakeUnit, message: string): void {
    cancelTimers(unit);
    settle(unit, { result: "canceled", message });
  }

  #set(unit: FakeUnit, change: Partial<UnitStatus>): void {
    const { message: _message, exitCode: _exitCode, ...rest } = unit.status;
    const sinceMs = change.active === rest.active ? rest.sinceMs : this.#clock.now();
    this.#publish(unit, { ...rest, ...change, sinceMs });
  }

  #publish(unit: FakeUnit, status: UnitStatus): void {
    unit.status = status;
    for (const listener of this.#listeners) listener(status.name, status);
  }

  #fresh(source: UnitSource): UnitStatus {
    return {
      name: source.name,
      file: source.file,
      load: "loaded",
      active: "inactive",
      sub: "dead",
      result: "success",
      sinceMs: this.#clock.now(),
      invocation: undefined,
      restarts: 0,
      completed: false,
    };
  }

  #note(unit: FakeUnit, message: string): void {
    this.#journal.append(unit.source.name, message);
  }
}

function isUp(status: UnitStatus): boolean {
  return status.active === "active" || status.active === "activating";
}

function cancelTimers(unit: FakeUnit): void {
  for (const timer of unit.timers) timer.cancel();
  unit.timers = [];
}

function settle(unit: FakeUnit, outcome: JobOutcome): void {
  const waiting = unit.waiting;
  unit.waiting = [];
  for (const resolve of waiting) resolve(outcome);
}

/** One supervisor on a fake machine of its own. */
export function createFakeSupervisor(options: FakeOptions): Supervisor {
  return new FakeMachine(options).supervisor();
}
