/**
 * A timer: starts its unit at the times its file names. Nothing ticks: one clock timer is set for the next time.
 * systemd.timer(5) gives the rules, next-trigger.ts has them.
 *
 * Invariant: that it has elapsed is remembered before its unit is asked to start, so that a later supervisor neither
 * forgets the start nor repeats one that came to something.
 */
import * as z from "zod";
import type { Timer } from "#base/clock.ts";
import { randomId } from "#base/random.ts";
import type { TimerSettings } from "#unit/read-timer.ts";
import {
  type ActiveState,
  type JobOutcome,
  UNIT_RESULTS,
  type UnitFact,
  type UnitResult,
  type UnitStatus,
} from "../../../supervisor.ts";
import { describeNotApplied } from "../../not-applied.ts";
import { plainStatus } from "../../simple-unit.ts";
import { type LoadedUnit, titleOf, type Unit, type UnitHost } from "../../unit.ts";
import { isUp, refusalToTrigger, triggersFact, whyNotQueued } from "../triggered-unit.ts";
import { coalesce, hashText, type Moment, nextTrigger } from "./next-trigger.ts";

/** systemd's sub states of a timer and the active state each belongs to. */
const ACTIVE = {
  dead: "inactive",
  waiting: "active",
  running: "active",
  elapsed: "active",
  failed: "failed",
} as const;

const moment = z.object({ wallMs: z.number(), monotonicMs: z.number() });

const memory = z.object({
  sub: z.enum(["dead", "waiting", "running", "elapsed", "failed"]),
  result: z.enum(UNIT_RESULTS),
  sinceMs: z.number(),
  invocation: z.string().exactOptional(),
  started: moment,
  triggered: z.object({ wallMs: z.number(), monotonicMs: z.number().exactOptional() }).exactOptional(),
  unitBeganMs: z.number().exactOptional(),
  unitEndedMs: z.number().exactOptional(),
  spent: z.array(z.number()),
  /** When it elapses next, by the wall clock; absent while there is no such time. */
  nextMs: z.number().exactOptional(),
});

/** Of ECMAScript. */
const LAST_DATE_MS = 8.64e15;

type TimerState = z.infer<typeof memory>;

export class TimerUnit implements Unit {
  readonly #host: UnitHost;
  #loaded: LoadedUnit;
  #settings: TimerSettings;
  #state: TimerState;
  #timer: Timer | undefined;
  #unitWasUp = false;
  #closed = false;

  constructor(host: UnitHost, loaded: LoadedUnit, settings: TimerSettings) {
    this.#host = host;
    this.#loaded = loaded;
    this.#settings = settings;
    const sinceMs = host.clock.now();
    this.#state = { sub: "dead", result: "success", sinceMs, started: this.#now(), spent: [] };
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
    this.#state = { ...this.#state, spent: [] };
    if (this.#state.sub === "waiting" || this.#state.sub === "elapsed") this.#wait();
  }

  get active(): ActiveState {
    return ACTIVE[this.#state.sub];
  }

  status(): UnitStatus {
    const { sub, result, sinceMs, invocation } = this.#state;
    return { ...plainStatus(this.#loaded, sinceMs), active: ACTIVE[sub], sub, result, invocation };
  }

  facts(): readonly UnitFact[] {
    const { nextMs } = this.#state;
    const next = nextMs === undefined ? { text: "n/a" } : { atMs: nextMs };
    return [{ label: "Trigger", ...next }, ...triggersFact(this.#settings.unit, this.#host)];
  }

  // --- jobs -------------------------------------------------------------------------------------------------------

  async start(): Promise<JobOutcome> {
    if (this.active === "active") return { result: "done" };
    const { unit } = this.#settings;
    const message = refusalToTrigger(unit, this.#host);
    if (message !== undefined) {
      this.#log(3, message);
      return { result: "failed", message };
    }
    const notApplied = describeNotApplied(this.#loaded.notApplied);
    if (notApplied !== undefined) this.#log(4, notApplied);
    this.#begin();
    this.#log(6, `Started ${titleOf(this.#loaded)}.`);
    this.#wait();
    return { result: "done" };
  }

  #begin(): void {
    const { unitBeganMs, unitEndedMs } = this.#state;
    const wallMs = this.#settings.persistent ? this.#lastTrigger() : undefined;
    this.#state = {
      sub: this.#state.sub,
      result: "success",
      sinceMs: this.#state.sinceMs,
      invocation: randomId(this.#host.random),
      started: this.#now(),
      spent: [],
      ...(wallMs === undefined ? {} : { triggered: { wallMs } }),
      ...(unitBeganMs === undefined ? {} : { unitBeganMs }),
      ...(unitEndedMs === undefined ? {} : { unitEndedMs }),
    };
  }

  /** What was remembered over reboots. A timer that never elapsed counts from its first start. */
  #lastTrigger(): number | undefined {
    const nowMs = this.#host.clock.now();
    const stampMs = this.#host.lastTrigger(this.#name);
    if (stampMs === undefined) this.#host.saveTrigger(this.#name, nowMs);
    if (stampMs !== undefined && stampMs > nowMs)
      this.#log(4, "Not using persistent file timestamp as it is in the future.");
    return stampMs !== undefined && stampMs <= nowMs ? stampMs : undefined;
  }

  async stop(): Promise<JobOutcome> {
    if (this.active === "active") {
      this.#log(6, `Stopped ${titleOf(this.#loaded)}.`);
      this.#enterDead("success");
    }
    return { result: "done" };
  }

  readonly canReload = false;

  async reload(): Promise<JobOutcome> {
    return { result: "skipped", message: "this unit cannot be reloaded" };
  }

  resetFailed(): void {
    if (this.#state.sub === "failed") this.#enterDead("success");
  }

  // --- waiting and triggering --------------------------------------------------------------------------------------

  /** Another unit has changed its state. */
  unitChanged(name: string): void {
    if (name !== this.#settings.unit || this.#closed) return;
    const nowUp = this.#noteUnit();
    const { sub } = this.#state;
    if (sub === "waiting" || sub === "elapsed") this.#wait();
    else if (sub === "running" && !nowUp && !this.#host.hasJob(name)) this.#wait();
  }

  /** Notes when the unit's runs begin and end; true while it is up. */
  #noteUnit(): boolean {
    const status = this.#host.statusOf(this.#settings.unit);
    const nowUp = isUp(status);
    const sinceMs = status === undefined ? undefined : this.#sinceBoot(status.sinceMs);
    if (nowUp && !this.#unitWasUp) this.#state = { ...this.#state, unitBeganMs: sinceMs ?? 0 };
    const hasRun = status?.invocation !== undefined;
    if (!nowUp && hasRun && sinceMs !== undefined) this.#state = { ...this.#state, unitEndedMs: sinceMs };
    this.#unitWasUp = nowUp;
    return nowUp;
  }

  /** Time has been set, or is another zone's now. */
  timeChanged(what: "clock" | "zone"): void {
    if (this.#state.sub !== "waiting" || this.#closed) return;
    const { triggered } = this.#state;
    const nowMs = this.#host.clock.now();
    // The clock was set back: what elapsed in what is the future now may elapse again.
    if (triggered !== undefined && triggered.wallMs > nowMs)
      this.#state = { ...this.#state, triggered: { ...triggered, wallMs: nowMs } };
    const { onClockChange, onTimezoneChange } = this.#settings;
    if (what === "clock" ? onClockChange : onTimezoneChange) this.#elapse();
    else this.#wait(what === "clock");
  }

  #wait(isClockChange = false): void {
    this.#timer?.cancel();
    const { zone, bootMs, startupMs } = this.#host;
    const { started, triggered, unitBeganMs, unitEndedMs, spent } = this.#state;
    const now = this.#now();
    const own = { started, triggered, unitBeganMs, unitEndedMs, spent };
    const next = nextTrigger(this.#settings, { now, zone, bootMs, startupMs, isClockChange, ...own });
    this.#state = { ...this.#state, spent: [...next.spent] };
    const delays = [
      ...(next.monotonicMs === undefined ? [] : [this.#dueIn(next.monotonicMs, now.monotonicMs)]),
      ...(next.wallMs === undefined ? [] : [this.#dueIn(next.wallMs, now.wallMs)]),
    ];
    const { onClockChange, onTimezoneChange } = this.#settings;
    if (delays.length === 0 && !onClockChange && !onTimezoneChange) {
      this.#enterElapsed();
      return;
    }
    const delayMs = Math.min(...delays);
    if (delays.length > 0) this.#timer = this.#host.clock.setTimer(delayMs, () => this.#elapse());
    this.#enter("waiting", now.wallMs + delayMs);
  }

  /** How long until a time, with the delays that keep machines from doing all at once. */
  #dueIn(timeMs: number, nowMs: number): number {
    const { randomizedDelayMs, fixedRandomDelay, accuracyMs } = this.#settings;
    const { random, machineSeed } = this.#host;
    const share = fixedRandomDelay ? hashText(`${machineSeed}/${this.#name}`) / 2 ** 32 : random.next();
    const dueMs = Math.max(nowMs, timeMs + randomizedDelayMs * share);
    return coalesce(dueMs, accuracyMs, hashText(machineSeed)) - nowMs;
  }

  #enterElapsed(): void {
    const { remainAfterElapse, onUnitActiveMs, onUnitInactiveMs } = this.#settings;
    // The unit may be started at any time, and then there is a time to wait for again.
    const mayRepeat = onUnitActiveMs.length + onUnitInactiveMs.length > 0;
    if (remainAfterElapse || mayRepeat) this.#enter("elapsed");
    else this.#enterDead("success");
  }

  #elapse(): void {
    this.#timer?.cancel();
    const triggered = this.#now();
    this.#state = { ...this.#state, triggered };
    if (this.#settings.persistent) this.#host.saveTrigger(this.#name, triggered.wallMs);
    this.#enter("running");
    this.#trigger(triggered);
  }

  #trigger({ wallMs, monotonicMs }: Moment): void {
    const variables = {
      TRIGGER_UNIT: this.#name,
      TRIGGER_TIMER_REALTIME_USEC: String(Math.round(wallMs * 1000)),
      TRIGGER_TIMER_MONOTONIC_USEC: String(Math.round(monotonicMs * 1000)),
    };
    this.#host.requestStart(this.#settings.unit, (outcome) => this.#startEnded(outcome), variables);
  }

  #startEnded(outcome: JobOutcome): void {
    if (this.#closed || this.active !== "active") return;
    const reason = whyNotQueued(outcome);
    if (reason === undefined) {
      this.unitChanged(this.#settings.unit);
      return;
    }
    this.#log(4, `Failed to queue unit startup job: ${reason}`);
    this.#enterDead("resources");
  }

  #enterDead(result: UnitResult): void {
    this.#timer?.cancel();
    if (result !== "success") this.#log(4, `Failed with result '${result}'.`);
    this.#state = { ...this.#state, result };
    this.#enter(result === "success" ? "dead" : "failed");
  }

  /** @param nextMs when it elapses next; beyond all dates: never */
  #enter(sub: TimerState["sub"], nextMs = Number.POSITIVE_INFINITY): void {
    const before = this.#state;
    const sinceMs = ACTIVE[sub] === ACTIVE[before.sub] ? before.sinceMs : this.#host.clock.now();
    const { nextMs: _, ...rest } = before;
    this.#state = { ...rest, sub, sinceMs, ...(nextMs < LAST_DATE_MS ? { nextMs } : {}) };
    this.#host.run.remember(this.#name, this.#state);
    if (sub !== before.sub) this.#host.changed(this.#name);
  }

  #log(priority: number, text: string): void {
    const line = text.includes(this.#name) ? text : `${this.#name}: ${text}`;
    this.#host.journal.append(this.#name, priority, line);
  }

  // --- taking over -------------------------------------------------------------------------------------------------

  async adopt(): Promise<void> {
    const kept = memory.safeParse(this.#host.run.recall(this.#name));
    if (kept.success) this.#state = kept.data;
  }

  /** All units are known again. A start that was asked for and came to nothing is asked for again. */
  resume(): void {
    const nowUp = this.#noteUnit();
    const { sub, triggered } = this.#state;
    if (sub === "waiting" || sub === "elapsed") this.#wait();
    if (sub !== "running" || nowUp) return;
    const status = this.#host.statusOf(this.#settings.unit);
    const isDone = triggered === undefined || (status !== undefined && status.sinceMs >= triggered.wallMs);
    if (isDone) this.#wait();
    else this.#trigger({ ...triggered, monotonicMs: triggered.monotonicMs ?? 0 });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #now(): Moment {
    const { clock, monotonicBootMs } = this.#host;
    return { wallMs: clock.now(), monotonicMs: clock.monotonic() - monotonicBootMs };
  }

  /** A time of the wall clock on the other one. */
  #sinceBoot(wallMs: number): number {
    const now = this.#now();
    return now.monotonicMs - (now.wallMs - wallMs);
  }
}
