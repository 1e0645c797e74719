/** Points in time as systemd reads them (systemd.time(7), PARSING TIMESTAMPS), in the machine's time zone. Pure. */
import { parseDuration } from "#base/duration.ts";

const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const WEEKDAY = `(${WEEKDAYS.map((name) => `${name}|${name.slice(0, 3)}`).join("|")})`;
const DATE = "(\\d{4}|\\d{2})-(\\d{1,2})-(\\d{1,2})";
const TIME = "(\\d{1,2}):(\\d{1,2})(?::(\\d{1,2})(?:\\.(\\d{1,7})\\d*)?)?";
const ABSOLUTE = new RegExp(`^(?:${WEEKDAY}\\s+)?(?:${DATE})?(?:(?:^|[T\\s]+)${TIME})?\\s*(UTC|Z)?$`, "i");

/** Microseconds since 1970; undefined for what is no point in time. */
export function parseTimestamp(text: string, nowMs: number): number | undefined {
  const trimmed = text.trim();
  const relative = parseRelative(trimmed, nowMs);
  if (relative !== undefined) return relative;
  const epoch = /^@(\d{1,12})(?:\.(\d{1,6})\d*)?$/.exec(trimmed);
  if (epoch !== null) return Number(epoch[1]) * 1_000_000 + fractionUs(epoch[2]);
  return parseNamedDay(trimmed, nowMs) ?? parseAbsolute(trimmed, nowMs);
}

/** `-1h`, `+5min`, `2h ago`, `1d left` */
function parseRelative(text: string, nowMs: number): number | undefined {
  const [, sign, signed, plain, word] = /^(?:([+-])(.+)|(.+?)\s+(ago|left))$/.exec(text) ?? [];
  const spanMs = parseDuration(signed ?? plain ?? "");
  if (spanMs === undefined || !Number.isFinite(spanMs)) return undefined;
  const isPast = sign === "-" || word === "ago";
  return Math.round((nowMs + (isPast ? -spanMs : spanMs)) * 1000);
}

function parseNamedDay(text: string, nowMs: number): number | undefined {
  if (text === "now") return Math.round(nowMs * 1000);
  const days = new Map([
    ["yesterday", -1],
    ["today", 0],
    ["tomorrow", 1],
  ]).get(text);
  if (days === undefined) return undefined;
  const now = new Date(nowMs);
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days).getTime() * 1000;
}

function parseAbsolute(text: string, nowMs: number): number | undefined {
  const match = ABSOLUTE.exec(text);
  if (match === null || text === "") return undefined;
  const [, weekday, year, month, day, hours = "0", minutes = "0", seconds = "0", fraction, utc] = match;
  if (year === undefined && match[5] === undefined) return undefined;
  const today = new Date(nowMs);
  const isUtc = utc !== undefined;
  const parts: readonly [number, number, number, number, number, number] = [
    year === undefined ? (isUtc ? today.getUTCFullYear() : today.getFullYear()) : fullYear(year),
    month === undefined ? (isUtc ? today.getUTCMonth() : today.getMonth()) : Number(month) - 1,
    day === undefined ? (isUtc ? today.getUTCDate() : today.getDate()) : Number(day),
    Number(hours),
    Number(minutes),
    Number(seconds),
  ];
  if (!isInRange(parts)) return undefined;
  const timeMs = isUtc ? Date.UTC(...parts) : new Date(...parts).getTime();
  if (weekday !== undefined && !isOnDay(weekday, new Date(timeMs), isUtc)) return undefined;
  return timeMs * 1000 + fractionUs(fraction);
}

/** As strptime(3) takes them: the last of a short month may be a day of the next. */
function isInRange([
  ,
  month = -1,
  day = 0,
  hours = 24,
  minutes = 60,
  seconds = 62,
]: readonly number[]): boolean {
  const isDate = month >= 0 && month < 12 && day >= 1 && day <= 31;
  return isDate && hours < 24 && minutes < 60 && seconds <= 61;
}

function isOnDay(weekday: string, time: Date, isUtc: boolean): boolean {
  const day = WEEKDAYS[isUtc ? time.getUTCDay() : time.getDay()] ?? "";
  return day.startsWith(weekday.toLowerCase());
}

/** Of two digits, as strptime(3) has it. */
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length > 2) return year;
  return year < 69 ? 2000 + year : 1900 + year;
}

/** Rounded at the seventh digit, where there is one. */
function fractionUs(digits = ""): number {
  return Math.round(Number(digits.padEnd(7, "0")) / 10);
}
