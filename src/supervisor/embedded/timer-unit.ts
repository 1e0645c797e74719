/**
 * A timer: starts its unit at the times its file names. Nothing ticks: one clock timer is set for the next time.
 * systemd.timer(5) gives the rules.
 */
import * as z from "zod";
import type { Timer } from "#base/clock.ts";
import { type Random, randomId } from "#base/random.ts";
import { nextElapse } from "#unit/calendar.ts";
import type { TimerSettings } from "#unit/read-timer.ts";
import type { ActiveState, JobOutcome, UnitStatus } from "../supervisor.ts";
import { plainStatus } from "./simple-unit.ts";
import type { LoadedUnit, Unit, UnitHost } from "./unit.ts";

const memory = z.object({
  active: z.boolean(),
  sinceMs: z.number(),
  invocation: z.string().optional(),
  /** When the timer was started, and when it last started its unit. */
  startedMs: z.number(),
  triggeredMs: z.number().optional(),
  /** When the unit was last seen to begin a run, whoever started it. */
  unitBeganMs: z.number().optional(),
});

type Memory = z.infer<typeof memory>;

/** What the next time depends on; all wall-clock milliseconds. */
export interface TimerFacts {
  readonly nowMs: number;
  readonly bootMs: number;
  readonly startupMs: number;
  readonly startedMs: number;
  /** Last time the timer started its unit; undefined: never. */
  readonly triggeredMs: number | undefined;
  /** Since when the unit has been active or inactive; undefined while it is neither or was never started. */
  readonly unitActiveMs: number | undefined;
  readonly unitInactiveMs: number | undefined;
  readonly zone: string;
}

/** When the timer elapses next; undefined: never again by itself. Pure, without the randomized delay. */
export function nextTrigger(settings: TimerSettings, facts: TimerFacts): number | undefined {
  const { triggeredMs, startedMs, nowMs } = facts;
  const since = (base: number | undefined, delays: readonly number[]): number[] =>
    base === undefined ? [] : delays.map((delayMs) => base + delayMs);
  const once = [
    ...since(startedMs, settings.onActiveMs),
    ...since(facts.bootMs, settings.onBootMs),
    ...since(facts.startupMs, settings.onStartupMs),
  ].filter((dueMs) => triggeredMs === undefined || dueMs > triggeredMs);
  const repeated = [
    ...since(facts.unitActiveMs, settings.onUnitActiveMs),
    ...since(facts.unitInactiveMs, settings.onUnitInactiveMs),
  ];
  const from = settings.persistent ? (triggeredMs ?? startedMs) : Math.max(triggeredMs ?? 0, startedMs);
  const calendar = settings.onCalendar.map((spec) => nextElapse(spec, from, facts.zone));
  const all = [...once, ...repeated, ...calendar.filter((dueMs) => dueMs !== undefined)];
  return all.length === 0 ? undefined : Math.max(nowMs, Math.min(...all));
}

function latest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((timeMs) => timeMs !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function jitterMs(settings: TimerSettings, random: Random): number {
  return settings.randomizedDelayMs * random.next();
}

export class TimerUnit implements Unit {
  readonly #host: UnitHost;
  #loaded: LoadedUnit;
  #settings: TimerSettings;
  #memory: Memory;
  #sub = "dead";
  #unitIsUp = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(host: UnitHost, loaded: LoadedUnit, settings: TimerSettings) {
    this.#host = host;
    this.#loaded = loaded;
    this.#settings = settings;
    const nowMs = host.clock.now();
    this.#memory = { active: false, sinceMs: nowMs, startedMs: nowMs };
  }

  get loaded(): LoadedUnit {
    return this.#loaded;
  }

  get #name(): string {
    return this.#loaded.source.name;
  }

  replace(loaded: LoadedUnit): void {
    this.#loaded = loaded;
    if (loaded.definition.kind === "timer") this.#settings = loaded.definition.settings;
    if (this.#memory.active) this.#arm();
  }

  get active(): ActiveState {
    return this.#memory.active ? "active" : "inactive";
  }

  status(): UnitStatus {
    return {
      ...plainStatus(this.#loaded, this.#memory.sinceMs),
      active: this.active,
      sub: this.#sub,
      invocation: this.#memory.invocation,
    };
  }

  async adopt(): Promise<void> {
    const remembered = memory.safeParse(this.#host.run.recall(this.#name));
    if (remembered.success) this.#memory = remembered.data;
    if (this.#memory.active) this.#arm();
  }

  async start(): Promise<JobOutcome> {
    if (this.#memory.active) return { result: "done" };
    const nowMs = this.#host.clock.now();
    const triggeredMs = this.#settings.persistent ? this.#host.lastTrigger(this.#name) : undefined;
    const invocation = randomId(this.#host.random);
    this.#memory = { active: true, sinceMs: nowMs, startedMs: nowMs, invocation, triggeredMs };
    this.#host.journal.append(this.#name, 6, `Started ${this.#name}.`);
    this.#arm();
    return { result: "done" };
  }

  async stop(): Promise<JobOutcome> {
    this.#timer?.cancel();
    if (!this.#memory.active) return { result: "done" };
    this.#memory = { ...this.#memory, active: false, sinceMs: this.#host.clock.now() };
    this.#host.journal.append(this.#name, 6, `Stopped ${this.#name}.`);
    this.#enter("dead");
    return { result: "done" };
  }

  readonly canReload = false;

  async reload(): Promise<JobOutcome> {
    return { result: "skipped", message: "this unit cannot be reloaded" };
  }

  resetFailed(): void {
    // A timer does not fail: what it starts does.
  }

  /** The unit this timer starts has changed its state. */
  unitChanged(unit: string): void {
    if (this.#memory.active && unit === this.#settings.unit) this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer?.cancel();
    // The end of a start that this timer asked for may be told after it was let go.
    if (this.#closed) return;
    const { clock, random } = this.#host;
    const unit = this.#host.statusOf(this.#settings.unit);
    const isUp = unit !== undefined && unit.active !== "inactive" && unit.active !== "failed";
    if (isUp) {
      this.#noteRun(unit);
      this.#enter("running");
      return;
    }
    this.#unitIsUp = false;
    const nextMs = nextTrigger(this.#settings, this.#facts(unit));
    if (nextMs === undefined) {
      this.#enter("elapsed");
      return;
    }
    const dueMs = nextMs + jitterMs(this.#settings, random);
    this.#timer = clock.setTimer(dueMs - clock.now(), () => this.#elapse());
    this.#enter("waiting");
  }

  #noteRun({ sinceMs }: UnitStatus): void {
    if (this.#unitIsUp) return;
    this.#unitIsUp = true;
    this.#memory = { ...this.#memory, unitBeganMs: sinceMs };
  }

  #facts(unit: UnitStatus | undefined): TimerFacts {
    const { clock, bootMs, startupMs, zone } = this.#host;
    const { startedMs, triggeredMs, unitBeganMs } = this.#memory;
    const hasRun = unit?.invocation !== undefined;
    return {
      nowMs: clock.now(),
      bootMs,
      startupMs,
      startedMs,
      triggeredMs,
      // As in systemd the later of both: the start that the timer asked for, and the run that came of it or of another.
      unitActiveMs: hasRun ? latest(triggeredMs, unitBeganMs) : undefined,
      unitInactiveMs: hasRun ? unit.sinceMs : undefined,
      zone,
    };
  }

  #elapse(): void {
    const triggeredMs = this.#host.clock.now();
    this.#memory = { ...this.#memory, triggeredMs };
    if (this.#settings.persistent) this.#host.saveTrigger(this.#name, triggeredMs);
    this.#enter("running");
    const { unit } = this.#settings;
    this.#host.requestStart(unit, (outcome) => {
      // What a unit that is here met stands in its own journal; one that is not here has none.
      if (this.#host.statusOf(unit) === undefined) this.#complain(`cannot start ${unit}: ${outcome.message}`);
      if (this.#memory.active) this.#arm();
    });
  }

  #complain(problem: string): void {
    this.#host.journal.append(this.#name, 4, `${this.#name}: ${problem}`);
  }

  #enter(sub: string): void {
    this.#host.run.remember(this.#name, this.#memory);
    if (sub === this.#sub) return;
    this.#sub = sub;
    this.#host.changed(this.#name);
  }
}
