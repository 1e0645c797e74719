/**
 * Calendar events such as `Mon..Fri *-*-* 09:00`: systemd.time(7), CALENDAR EVENTS.
 * This file parses and prints them; when one elapses next is next-elapse.ts.
 */
import {
  type CalendarField,
  type CalendarRange,
  type CalendarSpec,
  FIELD_LIMITS,
  type FieldLimits,
} from "./calendar-spec.ts";
import { type Grammar, grammar } from "./grammar.ts";

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

const DAY_NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const LONG_DAY_NAMES = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const MICROSECONDS = 1_000_000;

/** Parses a calendar event, or undefined when the text is none. */
export function parseCalendar(text: string): CalendarSpec | undefined {
  const { body, zone } = takeZone(text.trim());
  const [first = "", ...others] = (SHORTHANDS.get(body.toLowerCase()) ?? body).split(/\s+/);
  if (first === "") return undefined;
  const weekdays = parseWeekdays(first);
  const rest = weekdays === undefined ? [first, ...others] : others;
  const date = rest[0] !== undefined && isDate(rest[0]) ? rest[0] : undefined;
  const times = date === undefined ? rest : rest.slice(1);
  if (times.length > 1) return undefined;
  const days = parseDate(date ?? "*-*-*");
  const hours = parseTime(times[0] ?? "00:00:00");
  if (days === undefined || hours === undefined) return undefined;
  const everyDay = weekdays === undefined || weekdays.length === 7;
  return { weekdays: everyDay ? undefined : weekdays, ...days, ...hours, zone };
}

/** OnCalendar=. */
export const calendar: Grammar<CalendarSpec> = grammar(
  "a calendar event such as daily or Mon..Fri 09:00",
  parseCalendar,
  "Failed to parse calendar specification, ignoring: %v",
);

/** A zone is the last word: `UTC`, or a name with a slash that the platform knows. */
function takeZone(text: string): { body: string; zone: string | undefined } {
  const match = /^(.*?)\s*(?:\b(UTC|[A-Z][A-Za-z_+-]*\/[A-Za-z0-9_+/-]+))$/i.exec(text);
  const zone = match?.[2];
  if (match === null || zone === undefined || match[1] === "" || !isZone(zone))
    return { body: text, zone: undefined };
  return { body: match[1] ?? "", zone: zone.toUpperCase() === "UTC" ? "UTC" : zone };
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** `Mon`, `Mon,Wed`, `Mon..Fri`; undefined when the word is about something else. */
function parseWeekdays(word: string): readonly number[] | undefined {
  const days = new Set<number>();
  for (const part of word.replace(/,$/, "").split(",")) {
    const [from = "", to, more] = part.split(/\.\.|-/);
    const first = dayOf(from);
    const final = to === undefined ? first : dayOf(to);
    if (first === undefined || final === undefined || more !== undefined || final < first) return undefined;
    for (let day = first; day <= final; day++) days.add(day);
  }
  return [...days].sort((a, b) => a - b);
}

function dayOf(name: string): number | undefined {
  const lower = name.toLowerCase();
  const index = LONG_DAY_NAMES.findIndex((long) => long === lower || long.slice(0, 3) === lower);
  return index < 0 ? undefined : index + 1;
}

function isDate(word: string): boolean {
  return !word.includes(":") && /[-~]/.test(word);
}

function parseDate(word: string): Pick<CalendarSpec, "year" | "month" | "day" | "fromMonthEnd"> | undefined {
  const match = /^(?:([^-~]+)-)?([^-~]+)([-~])([^-~]+)$/.exec(word);
  if (match === null) return undefined;
  const [, yearText = "*", monthText = "", separator, dayText = ""] = match;
  const year = parseField(yearText, FIELD_LIMITS.year, readYear);
  const month = parseField(monthText, FIELD_LIMITS.month, readInteger);
  const day = parseField(
    dayText,
    separator === "~" ? FIELD_LIMITS.dayFromEnd : FIELD_LIMITS.day,
    readInteger,
  );
  if (year === null || month === null || day === null) return undefined;
  return { year, month, day, fromMonthEnd: separator === "~" };
}

function parseTime(word: string): Pick<CalendarSpec, "hour" | "minute" | "second"> | undefined {
  const [hourText = "", minuteText, secondText = "0", more] = word.split(":");
  if (minuteText === undefined || more !== undefined) return undefined;
  const hour = parseField(hourText, FIELD_LIMITS.hour, readInteger);
  const minute = parseField(minuteText, FIELD_LIMITS.minute, readInteger);
  const second = parseField(secondText, FIELD_LIMITS.second, readSeconds);
  if (hour === null || minute === null || second === null) return undefined;
  return { hour, minute, second };
}

/** Turns the text of a number into the field's unit. */
type ReadNumber = (text: string) => number | undefined;

/** `*`, `1,5`, `1..5`, `0/15`, `1..9/2`; null when it is none of these. */
function parseField(text: string, limits: FieldLimits, read: ReadNumber): CalendarField | null {
  if (text === "*") return undefined;
  const ranges: CalendarRange[] = [];
  for (const part of text.split(",")) {
    const range = parseRange(part, limits, read);
    if (range === undefined) return null;
    ranges.push(range);
  }
  return ranges.sort((a, b) => a.start - b.start);
}

function parseRange(text: string, limits: FieldLimits, read: ReadNumber): CalendarRange | undefined {
  const match = /^([\d.]*?\d)(?:\.\.([\d.]+))?(?:\/([\d.]+))?$/.exec(text);
  if (match === null) return undefined;
  const [, startText = "", stopText, stepText] = match;
  const start = read(startText);
  const stop = stopText === undefined ? undefined : read(stopText);
  const repeat = stepText === undefined ? undefined : readStep(stepText, read);
  if (start === undefined || (stop === undefined) !== (stopText === undefined)) return undefined;
  if ((repeat === undefined) !== (stepText === undefined) || repeat === 0) return undefined;
  if (start < limits.min || (stop ?? start) > limits.max || (stop ?? start) < start) return undefined;
  if (stop === undefined && start + (repeat ?? 0) > limits.lastStep) return undefined;
  return normalize(start, stop, repeat);
}

/** A range ends where its last step falls; one that never steps is a single value. */
function normalize(start: number, stop: number | undefined, repeat: number | undefined): CalendarRange {
  if (stop === undefined) return repeat === undefined ? { start } : { start, repeat };
  const end = stop - ((stop - start) % (repeat ?? 1));
  if (end === start) return { start };
  return { start, stop: end, ...(repeat === undefined ? {} : { repeat }) };
}

/** A step of years is not a year: `2000/4`. */
function readStep(text: string, read: ReadNumber): number | undefined {
  return read === readYear ? readInteger(text) : read(text);
}

function readInteger(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Two digits are a year from 1970 to 2069. */
function readYear(text: string): number | undefined {
  const year = readInteger(text);
  if (year === undefined || year >= 100) return year;
  return year < 70 ? 2000 + year : 1900 + year;
}

function readSeconds(text: string): number | undefined {
  return /^\d{1,2}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text) * MICROSECONDS) : undefined;
}

/** The normalized form, as `systemd-analyze calendar` prints it. */
export function formatCalendar(spec: CalendarSpec): string {
  const days = spec.weekdays === undefined ? "" : `${formatWeekdays(spec.weekdays)} `;
  const date = `${formatField(spec.year, 4)}-${formatField(spec.month, 2)}${spec.fromMonthEnd ? "~" : "-"}${formatField(spec.day, 2)}`;
  const time = `${formatField(spec.hour, 2)}:${formatField(spec.minute, 2)}:${formatField(spec.second, 2, MICROSECONDS)}`;
  return `${days}${date} ${time}${spec.zone === undefined ? "" : ` ${spec.zone}`}`;
}

/** Neighbouring days as `Mon..Wed`, two of them as `Mon,Tue`. */
function formatWeekdays(days: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const day of days) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === day - 1) run[1] = day;
    else runs.push([day, day]);
  }
  const name = (day: number): string => DAY_NAMES[day - 1] ?? "";
  return runs
    .map(([first, final]) =>
      first === final ? name(first) : `${name(first)}${final - first > 1 ? ".." : ","}${name(final)}`,
    )
    .join(",");
}

function formatField(field: CalendarField, width: number, unit = 1): string {
  if (field === undefined) return "*";
  const print = (value: number): string => {
    const [whole = "", fraction] = String(value / unit).split(".");
    const padded = whole.padStart(width, "0");
    return fraction === undefined ? padded : `${padded}.${fraction.padEnd(6, "0")}`;
  };
  const step = (value: number): string => (unit === 1 ? String(value) : print(value).replace(/^0(?=\d)/, ""));
  return field
    .map(({ start, stop, repeat }) => {
      const range = stop === undefined ? print(start) : `${print(start)}..${print(stop)}`;
      return repeat === undefined ? range : `${range}/${step(repeat)}`;
    })
    .join(",");
}
