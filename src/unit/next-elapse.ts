/** When a calendar event elapses next: pure arithmetic on wall-clock time, zones by Intl. */
import { type CalendarField, type CalendarSpec, FIELD_LIMITS } from "./calendar-spec.ts";

const DAY_MS = 86_400_000;

/** A wall-clock time in some zone. */
interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** Microseconds since midnight, by the wall clock. */
  readonly timeUs: number;
}

/**
 * The first moment after `afterMs` (milliseconds since 1970) that the event names, or undefined when none is left.
 * `zone` is the machine's, for events that name none of their own. A time that a clock change leaves out is passed
 * over; one that comes twice counts the first time.
 */
export function nextElapse(spec: CalendarSpec, afterMs: number, zone: string): number | undefined {
  const clock = new ZoneClock(spec.zone ?? zone);
  let wall = clock.wallAt(afterMs);
  for (;;) {
    const next = nextWall(spec, wall);
    if (next === undefined) return undefined;
    const moment = clock.momentAfter(next, afterMs);
    if (moment !== undefined) return moment;
    wall = next;
  }
}

/** The first wall-clock time after `after` that the event names. */
function nextWall(spec: CalendarSpec, after: WallTime): WallTime | undefined {
  const sameDay = matchesDay(spec, after) ? nextTime(spec, after.timeUs + 1) : undefined;
  if (sameDay !== undefined) return { ...after, timeUs: sameDay };
  const day = nextDay(spec, after);
  const timeUs = nextTime(spec, 0);
  return day === undefined || timeUs === undefined ? undefined : { ...day, timeUs };
}

type Day = Omit<WallTime, "timeUs">;

function nextDay(spec: CalendarSpec, after: Day): Day | undefined {
  for (let year = nextIn(spec.year, after.year, FIELD_LIMITS.year.max); year !== undefined; ) {
    const firstMonth = year === after.year ? after.month : 1;
    for (let month = nextIn(spec.month, firstMonth, 12); month !== undefined; ) {
      const isFirst = year === after.year && month === after.month;
      for (let day = isFirst ? after.day + 1 : 1; day <= daysIn(year, month); day++) {
        if (matchesDay(spec, { year, month, day })) return { year, month, day };
      }
      month = nextIn(spec.month, month + 1, 12);
    }
    year = nextIn(spec.year, year + 1, FIELD_LIMITS.year.max);
  }
  return undefined;
}

function matchesDay(spec: CalendarSpec, { year, month, day }: Day): boolean {
  const days = spec.fromMonthEnd ? fromEnd(spec.day, daysIn(year, month)) : spec.day;
  return (
    contains(spec.year, year, FIELD_LIMITS.year.max) &&
    contains(spec.month, month, 12) &&
    contains(days, day, daysIn(year, month)) &&
    (spec.weekdays === undefined || spec.weekdays.includes(weekday(year, month, day)))
  );
}

/** Days counted from the end of a month as days of that month; steps go forward. */
function fromEnd(field: CalendarField, days: number): CalendarField {
  return field?.map(({ start, stop, repeat }) => ({
    start: days - (stop ?? start) + 1,
    ...(stop === undefined ? {} : { stop: days - start + 1 }),
    ...(repeat === undefined ? {} : { repeat }),
  }));
}

/** The first time of a day, in microseconds since midnight, from `fromUs` on. */
function nextTime(spec: CalendarSpec, fromUs: number): number | undefined {
  const minuteUs = 60_000_000;
  const fromHour = Math.floor(fromUs / (60 * minuteUs));
  for (
    let hour = nextIn(spec.hour, fromHour, 23);
    hour !== undefined;
    hour = nextIn(spec.hour, hour + 1, 23)
  ) {
    const rest = Math.max(0, fromUs - hour * 60 * minuteUs);
    const fromMinute = Math.floor(rest / minuteUs);
    for (let minute = nextIn(spec.minute, fromMinute, 59); minute !== undefined; ) {
      const startUs = (hour * 60 + minute) * minuteUs;
      const second = nextIn(spec.second, Math.max(0, fromUs - startUs), FIELD_LIMITS.second.max, 1_000_000);
      if (second !== undefined) return startUs + second;
      minute = nextIn(spec.minute, minute + 1, 59);
    }
  }
  return undefined;
}

/** The smallest value of the field that is at least `from`; a field of any value steps by `unit`. */
function nextIn(field: CalendarField, from: number, max: number, unit = 1): number | undefined {
  if (field === undefined) {
    const next = Math.ceil(from / unit) * unit;
    return next <= max ? next : undefined;
  }
  let best: number | undefined;
  for (const { start, stop, repeat } of field) {
    const step = repeat ?? (stop === undefined ? 0 : unit);
    const next = from <= start || step === 0 ? start : start + Math.ceil((from - start) / step) * step;
    const end = stop ?? (repeat === undefined ? start : max);
    if (next >= from && next <= Math.min(end, max)) best = Math.min(best ?? next, next);
  }
  return best;
}

function contains(field: CalendarField, value: number, max: number): boolean {
  return nextIn(field, value, max) === value;
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** 1 is Monday, 7 Sunday. */
function weekday(year: number, month: number, day: number): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;
}

/** Wall-clock times of one zone. */
class ZoneClock {
  readonly #format: Intl.DateTimeFormat | undefined;

  constructor(zone: string) {
    const parts = {
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    } as const;
    const options = { ...parts, second: "numeric", era: "short", hourCycle: "h23", timeZone: zone } as const;
    this.#format = zone === "UTC" ? undefined : new Intl.DateTimeFormat("en-US", options);
  }

  wallAt(momentMs: number): WallTime {
    const shifted = new Date(Math.floor(momentMs) + this.#offsetMs(momentMs));
    const day = {
      year: shifted.getUTCFullYear(),
      month: shifted.getUTCMonth() + 1,
      day: shifted.getUTCDate(),
    };
    const dayStartMs = Date.UTC(day.year, day.month - 1, day.day);
    const fractionUs = Math.round((momentMs - Math.floor(momentMs)) * 1000);
    return { ...day, timeUs: (shifted.getTime() - dayStartMs) * 1000 + fractionUs };
  }

  /** The first moment after `afterMs` at which the wall clock shows `wall`, or undefined when it never does. */
  momentAfter(wall: WallTime, afterMs: number): number | undefined {
    const asUtcMs = Date.UTC(wall.year, wall.month - 1, wall.day) + wall.timeUs / 1000;
    // Offsets change by hours, so those a day before and after are all that can hold.
    const offsets = new Set([this.#offsetMs(asUtcMs - DAY_MS), this.#offsetMs(asUtcMs + DAY_MS)]);
    const moments = [...offsets]
      .map((offset) => asUtcMs - offset)
      .filter((moment) => moment > afterMs && this.#offsetMs(moment) === asUtcMs - moment);
    return moments.length === 0 ? undefined : Math.min(...moments);
  }

  /** How far the wall clock is ahead of UTC. */
  #offsetMs(momentMs: number): number {
    if (this.#format === undefined) return 0;
    const whole = Math.floor(momentMs / 1000) * 1000;
    const parts = Object.fromEntries(
      this.#format.formatToParts(whole).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
  }
}
