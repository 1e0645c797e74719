/** Points in time as systemd reads them (systemd.time(7), PARSING TIMESTAMPS), in the machine's time zone. Pure. */
import { parseDuration } from "#base/duration.ts";

const WEEKDAYS = "(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*";
const DATE = "(\\d{4}|\\d{2})-(\\d{1,2})-(\\d{1,2})";
const TIME = "(\\d{1,2}):(\\d{1,2})(?::(\\d{1,2})(?:\\.(\\d{1,6})\\d*)?)?";
const ABSOLUTE = new RegExp(`^(?:${WEEKDAYS},?\\s+)?(?:${DATE})?(?:(?:^|[T\\s]+)${TIME})?\\s*(UTC|Z)?$`, "i");

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
  const [, year, month, day, hours = "0", minutes = "0", seconds = "0", fraction, utc] = match;
  if (year === undefined && match[4] === undefined) return undefined;
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
  return timeMs * 1000 + fractionUs(fraction);
}

function isInRange([year, month, day, hours, minutes, seconds]: readonly number[]): boolean {
  const lastDay = new Date(Date.UTC(year ?? 0, (month ?? 0) + 1, 0)).getUTCDate();
  const isDate = (month ?? -1) >= 0 && (month ?? 12) < 12 && (day ?? 0) >= 1 && (day ?? 32) <= lastDay;
  return isDate && (hours ?? 24) < 24 && (minutes ?? 60) < 60 && (seconds ?? 60) < 60;
}

/** Of two digits, as strptime(3) has it. */
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length > 2) return year;
  return year < 69 ? 2000 + year : 1900 + year;
}

function fractionUs(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits.padEnd(6, "0"));
}
