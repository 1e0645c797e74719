/**
 * Calendar events such as `Mon..Fri *-*-* 09:00`: systemd.time(7), CALENDAR EVENTS.
 * This file parses them; calendar-format.ts prints them and next-elapse.ts says when one elapses next.
 */

import type { FieldLimits } from "./calendar-spec.ts";
import { type CalendarField, type CalendarRange, type CalendarSpec, FIELD_LIMITS } from "./calendar-spec.ts";
import { type Grammar, grammar } from "./grammar.ts";
import { isTimeZone } from "./time-zone.ts";

export { formatCalendar } from "./calendar-format.ts";
export type { CalendarSpec } from "./calendar-spec.ts";
export { nextElapse } from "./next-elapse.ts";

const SHORTHANDS: ReadonlyMap<string, string> = new Map([
  ["minutely", "*-*-* *:*:00"],
  ["hourly", "*-*-* *:00:00"],
  ["daily", "*-*-* 00:00:00"],
  ["weekly", "Mon *-*-* 00:00:00"],
  ["monthly", "*-*-01 00:00:00"],
  ["quarterly", "*-01,04,07,10-01 00:00:00"],
  ["semi-annually", "*-01,07-01 00:00:00"],
  ["semiannually", "*-01,07-01 00:00:00"],
  ["bi-annually", "*-01,07-01 00:00:00"],
  ["biannually", "*-01,07-01 00:00:00"],
  ["annually", "*-01-01 00:00:00"],
  ["yearly", "*-01-01 00:00:00"],
  ["anually", "*-01-01 00:00:00"],
]);

const DAY_NAMES = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/** A day's name in full or by its first three letters. */
const DAY = new RegExp(DAY_NAMES.map((name) => `${name}|${name.slice(0, 3)}`).join("|"));

const SECOND_US = 1_000_000;
/** systemd's bounds on a number and on the ranges of one field. */
const MAX_NUMBER = 2_147_483_647;
const MAX_RANGES = 241;

/** Parses a calendar event, or undefined when the text is none. */
export function parseCalendar(text: string): CalendarSpec | undefined {
  const { body, zone } = takeZone(text);
  const cursor = new Cursor(SHORTHANDS.get(body.toLowerCase()) ?? body);
  try {
    if (cursor.isAtEnd) return undefined;
    const weekdays = takeWeekdays(cursor);
    const moment = takeMoment(cursor);
    const dateAndTime = moment ?? { ...takeDate(cursor), ...takeTime(cursor), zone };
    return cursor.isAtEnd ? { weekdays, ...dateAndTime } : undefined;
  } catch (error) {
    if (error instanceof NotCalendar) return undefined;
    throw error;
  }
}

/** OnCalendar=. */
export const calendar: Grammar<CalendarSpec> = grammar(
  "a calendar event such as daily or Mon..Fri 09:00",
  parseCalendar,
  "Failed to parse calendar specification, ignoring: %v",
);

/** A zone is the last word: `UTC` in any case, or a name of the time zone database. */
function takeZone(text: string): { body: string; zone: string | undefined } {
  if (/ utc$/i.test(text)) return { body: text.slice(0, -4), zone: "UTC" };
  const space = text.lastIndexOf(" ");
  const zone = text.slice(space + 1);
  if (space < 0 || !isTimeZone(zone)) return { body: text, zone: undefined };
  return { body: text.slice(0, space), zone };
}

/** Thrown inside this file where the text turns out to be no calendar event. */
class NotCalendar extends Error {}

/** Where parsing has come to. */
class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** What a sticky pattern matches here, which is then behind the cursor. */
  take(pattern: RegExp): string | undefined {
    const sticky = new RegExp(pattern, "iy");
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  expect(pattern: RegExp): string {
    const found = this.take(pattern);
    if (found === undefined) throw new NotCalendar();
    return found;
  }

  /** True when the pattern matches here; nothing is taken. */
  sees(pattern: RegExp): boolean {
    const sticky = new RegExp(pattern, "iy");
    sticky.lastIndex = this.#at;
    return sticky.test(this.#text);
  }

  get place(): number {
    return this.#at;
  }

  goTo(place: number): void {
    this.#at = place;
  }
}

/** `Mon`, `Mon,Wed`, `Mon..Fri`, also with a comma at the end; undefined for any day. */
function takeWeekdays(cursor: Cursor): readonly number[] | undefined {
  const days = new Set<number>();
  while (days.size === 0 || !cursor.sees(/ |$/)) {
    const first = takeWeekday(cursor);
    if (first === undefined && days.size === 0) return undefined;
    const last = cursor.take(/\.\.|-/) === undefined ? first : takeWeekday(cursor);
    if (first === undefined || last === undefined || last < first) throw new NotCalendar();
    for (let day = first; day <= last; day++) days.add(day);
    if (cursor.take(/,/) === undefined && !cursor.sees(/ |$/)) throw new NotCalendar();
  }
  cursor.take(/ +/);
  return days.size === 7 ? undefined : [...days].sort((a, b) => a - b);
}

/** 1 for Monday. */
function takeWeekday(cursor: Cursor): number | undefined {
  const day = cursor.take(DAY)?.toLowerCase();
  if (day === undefined) return undefined;
  if (!cursor.sees(/[-., ]|$/)) throw new NotCalendar();
  return DAY_NAMES.findIndex((name) => name.startsWith(day)) + 1;
}

type DateAndTime = Omit<CalendarSpec, "weekdays">;

/** `@SECONDS` since 1970: one moment, whatever zone is written behind it. */
function takeMoment(cursor: Cursor): DateAndTime | undefined {
  if (cursor.take(/@\s*\+?/) === undefined) return undefined;
  const seconds = Number(cursor.expect(/\d{1,12}$/));
  const date = new Date(seconds * 1000);
  const year = only(date.getUTCFullYear());
  if (!isWithin(year, FIELD_LIMITS.year)) throw new NotCalendar();
  return {
    year,
    month: only(date.getUTCMonth() + 1),
    day: only(date.getUTCDate()),
    fromMonthEnd: false,
    hour: only(date.getUTCHours()),
    minute: only(date.getUTCMinutes()),
    second: only(date.getUTCSeconds() * SECOND_US),
    zone: "UTC",
  };
}

function only(value: number): readonly CalendarRange[] {
  return [{ start: value }];
}

type DateFields = Pick<CalendarSpec, "year" | "month" | "day" | "fromMonthEnd">;

/** `YEAR-MONTH-DAY` or `MONTH-DAY`, with `~` before a day that counts from the end; nothing is any day. */
function takeDate(cursor: Cursor): DateFields {
  const start = cursor.place;
  const anyDay = { year: undefined, month: undefined, day: undefined, fromMonthEnd: false };
  if (cursor.isAtEnd) return anyDay;
  const parts = [takeField(cursor)];
  if (cursor.isAtEnd || cursor.sees(/:/)) {
    cursor.goTo(start);
    return anyDay;
  }
  let separator = "-";
  while (parts.length < 2 || (parts.length < 3 && separator === "-" && !cursor.sees(/ |$/))) {
    separator = cursor.expect(/[-~]/);
    parts.push(takeField(cursor));
  }
  if (!cursor.sees(/ |$/)) throw new NotCalendar();
  cursor.take(/ +/);
  const [year, month, day] = parts.length === 3 ? parts : [undefined, ...parts];
  return checkDate({ year: fullYears(year), month, day, fromMonthEnd: separator === "~" });
}

function checkDate({ year, month, day, fromMonthEnd }: DateFields): DateFields {
  const days = fromMonthEnd ? FIELD_LIMITS.dayFromEnd : FIELD_LIMITS.day;
  if (!isWithin(year, FIELD_LIMITS.year) || !isWithin(month, FIELD_LIMITS.month) || !isWithin(day, days)) {
    throw new NotCalendar();
  }
  return {
    year: normalize(year),
    month: normalize(month),
    day: normalize(day),
    fromMonthEnd: fromMonthEnd && day !== undefined,
  };
}

/** Two digits are a year from 1970 to 2069. */
function fullYears(field: CalendarField): CalendarField {
  const full = (year: number): number => {
    if (year >= 100) return year;
    return year < 70 ? 2000 + year : 1900 + year;
  };
  return field?.map(({ start, stop, repeat }) => ({
    start: full(start),
    ...(stop === undefined ? {} : { stop: full(stop) }),
    ...(repeat === undefined ? {} : { repeat }),
  }));
}

/** `HOUR:MINUTE` or `HOUR:MINUTE:SECOND`; nothing is midnight. */
function takeTime(cursor: Cursor): Pick<CalendarSpec, "hour" | "minute" | "second"> {
  if (cursor.isAtEnd) return { hour: only(0), minute: only(0), second: only(0) };
  const hour = takeField(cursor);
  cursor.expect(/:/);
  const minute = takeField(cursor);
  const second = cursor.take(/:/) === undefined ? only(0) : takeField(cursor, SECOND_US);
  const { hour: hours, minute: minutes, second: seconds } = FIELD_LIMITS;
  if (!isWithin(hour, hours) || !isWithin(minute, minutes) || !isWithin(second, seconds)) {
    throw new NotCalendar();
  }
  return {
    hour: normalize(hour),
    minute: normalize(minute),
    second: normalize(second, SECOND_US),
  };
}

/** `*`, or ranges such as `1,5`, `1..5`, `0/15`, `1..9/2`. With a `unit`, numbers may have a fraction and count so much. */
function takeField(cursor: Cursor, unit?: number): CalendarField {
  if (cursor.take(/\*/) !== undefined) return undefined;
  const ranges: CalendarRange[] = [];
  do {
    const start = takeNumber(cursor, unit);
    const stop = cursor.take(/\.\./) === undefined ? undefined : takeNumber(cursor, unit);
    const repeat = cursor.take(/\//) === undefined ? undefined : takeNumber(cursor, unit);
    if (repeat === 0 || !cursor.sees(/[ ,~:-]|$/)) throw new NotCalendar();
    // Of seconds, systemd takes a range that never steps only when its step is written.
    if (stop !== undefined && repeat === undefined && stop - start < (unit ?? 0)) throw new NotCalendar();
    ranges.push({
      start,
      ...(stop === undefined ? {} : { stop }),
      ...(repeat === undefined ? {} : { repeat }),
    });
    if (ranges.length > MAX_RANGES) throw new NotCalendar();
  } while (cursor.take(/,/) !== undefined);
  return ranges;
}

/** Two dots are a range's; a fraction is rounded to microseconds. */
function takeNumber(cursor: Cursor, unit: number | undefined): number {
  const whole = Number(cursor.expect(/\d+/));
  if (whole > MAX_NUMBER) throw new NotCalendar();
  if (unit === undefined) return whole;
  const fraction = cursor.take(/\.(?!\.)/) === undefined ? "0" : cursor.expect(/\d+/);
  const rounding = (fraction[6] ?? "0") >= "5" ? 1 : 0;
  return whole * unit + Number(fraction.slice(0, 6).padEnd(6, "0")) + rounding;
}

/**
 * True when each range lies in the field and steps at least once before its end. Of several ranges of days from the end
 * of a month systemd allows each three days less than the one before, and so it is here.
 */
function isWithin(field: CalendarField, limits: FieldLimits): boolean {
  const { min } = limits;
  const unit = limits.max > SECOND_US ? SECOND_US : 1;
  return (normalize(field, unit) ?? []).every(({ start, stop, repeat = 0 }, index) => {
    const max = limits.stepsBack === true ? limits.max - 3 * index : limits.max;
    if (start < min || start > max || repeat > max - min) return false;
    if (stop !== undefined) return stop <= max && start + (repeat === 0 ? unit : repeat) <= stop;
    return limits.stepsBack === true ? start - repeat >= min : start + repeat <= max;
  });
}

/** Sorted, each range once; a range ends where its last step falls, and one that never steps is a single value. */
function normalize(field: CalendarField, unit = 1): CalendarField {
  const ranges = field?.map((range) => normalizeRange(range, unit));
  const order = (range: CalendarRange): readonly number[] => [
    range.start,
    range.stop ?? -1,
    range.repeat ?? (range.stop === undefined ? 0 : unit),
  ];
  ranges?.sort((a, b) => compare(order(a), order(b)));
  return ranges?.filter((range, index) => {
    const before = ranges[index - 1];
    return before === undefined || compare(order(before), order(range)) !== 0;
  });
}

function normalizeRange({ start, stop, repeat }: CalendarRange, unit: number): CalendarRange {
  if (stop === undefined) return repeat === undefined ? { start } : { start, repeat };
  const step = repeat ?? unit;
  const end = stop > start ? stop - ((stop - start) % step) : stop;
  if (end === start) return { start };
  return step === unit ? { start, stop: end } : { start, stop: end, repeat: step };
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.reduce((found, value, index) => (found === 0 ? value - (b[index] ?? 0) : found), 0);
}
