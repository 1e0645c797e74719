/**
 * When a calendar event elapses next: a walk over wall-clock time, zones by time-zone.ts.
 *
 * The walk is systemd's, so that both agree where clocks are put on or back: from the first moment that can be, each
 * field from year to second is put on to the next value that the event names; where that leaves the field, the one
 * before it goes on by one.
 */
import { type CalendarField, type CalendarSpec, FIELD_LIMITS } from "./calendar-spec.ts";
import { ZoneClock } from "./time-zone.ts";

const SECOND_US = 1_000_000;
/** systemd's, too: an event that has not been found by then never comes. */
const MAX_STEPS = 1000;

/** Year, month (from 1), day, hour, minute, and microseconds of the minute. */
type Fields = readonly [number, number, number, number, number, number];

const FIRST: Fields = [0, 1, 1, 0, 0, 0];
const DAY = 2;

/**
 * The first moment after `afterMs` (milliseconds since 1970) that the event names, or undefined when none is left.
 * `zone` is the machine's, for events that name none of their own. A time that a clock change leaves out is passed
 * over; one that comes twice counts once.
 */
export function nextElapse(spec: CalendarSpec, afterMs: number, zone: string): number | undefined {
  const afterUs = Math.round(afterMs * 1000);
  const clock = new ZoneClock(spec.zone ?? zone, afterUs);
  let fields: Fields | undefined = fieldsOf(clock.wallAt(afterUs + 1));
  for (let steps = 0; fields !== undefined && steps < MAX_STEPS; steps++) {
    const settled: Fields = fieldsOf(clock.wallAt(clock.momentOf(wallOf(fields))));
    const step = stepFrom(spec, settled, clock);
    if (step.kind === "found") {
      const moment = clock.momentOf(wallOf(step.fields));
      if (moment > afterUs) return moment / 1000;
      // A second time round the same hour: what is named there has been.
      fields = carry(step.fields, step.fields.length);
    } else fields = step.fields;
  }
  return undefined;
}

/** `go-on`: look again from `fields`, where there are any; years end. */
type Step =
  | { readonly kind: "found"; readonly fields: Fields }
  | { readonly kind: "go-on"; readonly fields: Fields | undefined };

function stepFrom(spec: CalendarSpec, from: Fields, clock: ZoneClock): Step {
  let fields = from;
  for (const [at, value] of from.entries()) {
    const next = nextIn(valuesOf(spec, at, fields), value, at === 5 ? SECOND_US : 1);
    if (next === undefined) return { kind: "go-on", fields: carry(fields, at) };
    if (next !== value) {
      fields = replaced(fields, at, next);
      const settled = settle(fields, clock);
      if (settled === undefined) return { kind: "go-on", fields: carry(fields, at) };
      if (settled !== fields) return { kind: "go-on", fields: settled };
      if (at < 5) return stepFrom(spec, fields, clock);
    }
    if (at === DAY && !isOnWeekday(spec, fields)) {
      return { kind: "go-on", fields: replaced(fields, DAY, (fields[DAY] ?? 0) + 1) };
    }
  }
  return { kind: "found", fields };
}

/** The field set, and all behind it at their first value. */
function replaced(fields: Fields, at: number, value: number): Fields {
  const [year, month, day, hour, minute, second] = fields.map((old, index) => {
    if (index === at) return value;
    return index < at ? old : (FIRST[index] ?? 0);
  });
  return [year ?? 0, month ?? 1, day ?? 1, hour ?? 0, minute ?? 0, second ?? 0];
}

/** The field before `at` put on by one, or undefined where there is none. */
function carry(fields: Fields, at: number): Fields | undefined {
  const before = fields[at - 1];
  return before === undefined ? undefined : replaced(fields, at - 1, before + 1);
}

/**
 * The same fields where a clock shows them; later ones where they stand for those (a 31st of April) or the clock leaves
 * them out; undefined where there are none. Behind the first field that became later the next one begins anew, and,
 * as in systemd, only that: minutes overrunning the last hour of a day are kept.
 */
function settle(fields: Fields, clock: ZoneClock): Fields | undefined {
  if (fields[0] > FIELD_LIMITS.year.max) return undefined;
  const shown = fieldsOf(clock.wallAt(clock.momentOf(wallOf(fields))));
  const at = shown.findIndex((value, index) => value !== fields[index]);
  if (at < 0) return fields;
  return isLater(shown, fields, at) ? withFirst(shown, at + 1) : undefined;
}

function isLater(a: Fields, b: Fields, at: number): boolean {
  return (a[at] ?? 0) > (b[at] ?? 0);
}

function withFirst(fields: Fields, at: number): Fields {
  const [year, month, day, hour, minute, second] = fields.map((value, index) =>
    index === at ? (FIRST[index] ?? 0) : value,
  );
  return [year ?? 0, month ?? 1, day ?? 1, hour ?? 0, minute ?? 0, second ?? 0];
}

function fieldsOf(wallUs: number): Fields {
  const date = new Date(Math.floor(wallUs / 1000));
  const microseconds = ((wallUs % 1000) + 1000) % 1000;
  return [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds() * SECOND_US + date.getUTCMilliseconds() * 1000 + microseconds,
  ];
}

function wallOf([year, month, day, hour, minute, second]: Fields): number {
  return Date.UTC(year, month - 1, day, hour, minute) * 1000 + second;
}

function valuesOf(spec: CalendarSpec, at: number, [year, month]: Fields): CalendarField {
  const day = spec.fromMonthEnd ? fromEnd(spec.day, daysIn(year, month)) : spec.day;
  const second = spec.second ?? [{ start: 0, repeat: SECOND_US }];
  return [spec.year, spec.month, day, spec.hour, spec.minute, second][at];
}

/** Days counted from the end of a month as days of that month; steps go forward. */
function fromEnd(field: CalendarField, days: number): CalendarField {
  return field?.map(({ start, stop, repeat }) => ({
    start: days - (stop ?? start) + 1,
    ...(stop === undefined ? {} : { stop: days - start + 1 }),
    ...(repeat === undefined ? {} : { repeat }),
  }));
}

/** The smallest value of the field that is at least `from`; ranges without a step go by `unit`. */
function nextIn(field: CalendarField, from: number, unit: number): number | undefined {
  if (field === undefined) return from;
  const values = field.flatMap(({ start, stop, repeat }) => {
    if (start >= from) return [start];
    const step = repeat ?? (stop === undefined ? 0 : unit);
    const next = step === 0 ? start : start + Math.ceil((from - start) / step) * step;
    return next >= from && next <= (stop ?? next) ? [next] : [];
  });
  return values.length === 0 ? undefined : Math.min(...values);
}

function isOnWeekday({ weekdays }: CalendarSpec, [year, month, day]: Fields): boolean {
  return (
    weekdays === undefined || weekdays.includes(new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7)
  );
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
