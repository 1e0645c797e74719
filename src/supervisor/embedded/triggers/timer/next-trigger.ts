/**
 * When a timer elapses next (systemd.timer(5), timer.c). Pure.
 *
 * Spans count on the monotonic clock, in milliseconds since the machine came up, so that setting the time does not move
 * them; calendar times count on the wall clock.
 */
import { nextElapse } from "#unit/calendar.ts";
import type { TimerSettings } from "#unit/read-timer.ts";

/** One moment on both clocks. */
export interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** What the next time depends on. */
export interface TimerFacts {
  readonly now: Moment;
  /** When the machine and the supervisor came up, on the monotonic clock. */
  readonly bootMs: number;
  readonly startupMs: number;
  /** When the timer was started. */
  readonly started: Moment;
  /** When it last elapsed; of what a former boot left, only the wall clock's time is known. */
  readonly triggered: { readonly wallMs: number; readonly monotonicMs?: number } | undefined;
  /** When the unit last began and ended a run, on the monotonic clock. */
  readonly unitBeganMs: number | undefined;
  readonly unitEndedMs: number | undefined;
  readonly zone: string;
  /** Spans that have been waited for and do not count again: their places among those of {@link onceSpans}. */
  readonly spent: readonly number[];
  /** The clock has been set: what is past may not have been waited for. */
  readonly isClockChange: boolean;
}

export interface NextTrigger {
  readonly monotonicMs?: number;
  readonly wallMs?: number;
  readonly spent: readonly number[];
}

/** The next time on each clock, without delays; a timer that has neither is elapsed. */
export function nextTrigger(settings: TimerSettings, facts: TimerFacts): NextTrigger {
  const once = onceSpans(settings, facts);
  const spent = once.flatMap((dueMs, index) => (isSpent(dueMs, index, facts) ? [index] : []));
  const left = once.filter((_, index) => !spent.includes(index));
  return {
    spent,
    ...earliest("monotonicMs", [...left, ...repeatedSpans(settings, facts)]),
    ...earliest("wallMs", calendarTimes(settings, facts)),
  };
}

/** What elapses once a start of the timer: OnActiveSec=, OnBootSec=, OnStartupSec=, in this order. */
function onceSpans(settings: TimerSettings, facts: TimerFacts): readonly number[] {
  const { onActiveMs, onBootMs, onStartupMs } = settings;
  return [
    ...onActiveMs.map((spanMs) => facts.started.monotonicMs + spanMs),
    ...onBootMs.map((spanMs) => facts.bootMs + spanMs),
    ...onStartupMs.map((spanMs) => facts.startupMs + spanMs),
  ];
}

function isSpent(
  dueMs: number,
  index: number,
  { spent, triggered, isClockChange, now }: TimerFacts,
): boolean {
  return spent.includes(index) || (triggered !== undefined && !isClockChange && dueMs < now.monotonicMs);
}

/** OnUnitActiveSec= and OnUnitInactiveSec=: from the unit's life, or the timer's own start of it, if that was later. */
function repeatedSpans(settings: TimerSettings, facts: TimerFacts): readonly number[] {
  const since = (momentMs: number | undefined, spans: readonly number[]): readonly number[] => {
    const known = [momentMs, facts.triggered?.monotonicMs].filter((known) => known !== undefined);
    return known.length === 0 ? [] : spans.map((spanMs) => Math.max(...known) + spanMs);
  };
  return [
    ...since(facts.unitBeganMs, settings.onUnitActiveMs),
    ...since(facts.unitEndedMs, settings.onUnitInactiveMs),
  ];
}

function calendarTimes(settings: TimerSettings, { triggered, started, zone }: TimerFacts): readonly number[] {
  const fromMs = triggered?.wallMs ?? started.wallMs;
  const times = settings.onCalendar.map((spec) => nextElapse(spec, fromMs, zone));
  return times.filter((timeMs) => timeMs !== undefined);
}

function earliest<K extends string>(key: K, times: readonly number[]): { [P in K]?: number } {
  const found: { [P in K]?: number } = {};
  if (times.length > 0) found[key] = Math.min(...times);
  return found;
}

/** Steps that wake-ups of one machine are brought together on, coarsest first. */
const STEPS_MS = [60_000, 10_000, 1000, 250];

/**
 * A time within `accuracyMs` after `dueMs` at which other timers of this machine elapse as well: sd_event_add_time(3).
 * `offsetMs` is the machine's own, so that not all machines wake at once.
 */
export function coalesce(dueMs: number, accuracyMs: number, offsetMs: number): number {
  const latestMs = dueMs + accuracyMs;
  for (const stepMs of STEPS_MS) {
    const candidateMs = Math.floor(latestMs / stepMs) * stepMs + (offsetMs % stepMs);
    const inTimeMs = candidateMs < latestMs ? candidateMs : candidateMs - stepMs;
    if (inTimeMs >= dueMs) return inTimeMs;
  }
  return latestMs;
}

/** A number that a text always gives, of 32 bits (FNV-1a): for offsets that differ by machine and unit and stay. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
