/** Lengths of time in systemd's notation (systemd.time(7), PARSING TIME SPANS) to and from milliseconds. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** systemd's month is a twelfth of its year of 365.25 days. */
const MONTH = 30.4375 * DAY;
const YEAR = 365.25 * DAY;

const UNITS: ReadonlyMap<string, number> = new Map(
  [
    { ms: 1 / 1000, names: ["us", "usec", "µs", "μs"] },
    { ms: 1, names: ["ms", "msec"] },
    { ms: SECOND, names: ["s", "sec", "second", "seconds"] },
    { ms: MINUTE, names: ["m", "min", "minute", "minutes"] },
    { ms: HOUR, names: ["h", "hr", "hour", "hours"] },
    { ms: DAY, names: ["d", "day", "days"] },
    { ms: 7 * DAY, names: ["w", "week", "weeks"] },
    { ms: MONTH, names: ["M", "month", "months"] },
    { ms: YEAR, names: ["y", "year", "years"] },
  ].flatMap(({ ms, names }) => names.map((name) => [name, ms] as const)),
);

/** What systemd counts spans in, and its greatest numbers: a span and a number in one. */
const MICROSECONDS_PER_MS = 1000;
const NANOSECONDS_PER_MS = 1_000_000;
const SPAN_END = 2 ** 64;
const GREATEST_NUMBER = 2n ** 63n - 1n;

/**
 * `90`, `1min 30s`, `2h 3.5s`, `infinity` as milliseconds (Infinity for the last), or undefined when it is none.
 * A number without a unit counts `defaultUnitMs`, which is seconds unless a key of systemd's says otherwise. As in
 * systemd, what is below a microsecond is cut off (below a nanosecond for a unit smaller than that).
 */
export function parseDuration(text: string, defaultUnitMs: number = SECOND): number | undefined {
  const perMs = defaultUnitMs * MICROSECONDS_PER_MS < 1 ? NANOSECONDS_PER_MS : MICROSECONDS_PER_MS;
  const part = /[ \t\n\r]*(?:\+?(\d+)(?:\.(\d+))?|\.(\d+))([ \t\n\r]*)([A-Za-zµμ]*)([ \t\n\r]*)/y;
  let total = 0;
  do {
    const match = part.exec(text);
    if (match === null) return isInfinity(text) ? Number.POSITIVE_INFINITY : undefined;
    const [, whole = "0", fraction, bareFraction, gap, name = "", gapAfter] = match;
    const isApart = name !== "" || gap !== "" || gapAfter !== "" || part.lastIndex === text.length;
    const unitMs = name === "" ? defaultUnitMs : UNITS.get(name);
    if (unitMs === undefined || !isApart) return undefined;
    const unit = Math.round(unitMs * perMs);
    if (isTooGreat(whole) || Number(whole) >= Math.floor(SPAN_END / unit)) return undefined;
    total += Number(whole) * unit + fractionOf(fraction ?? bareFraction ?? "", unit);
    if (total >= SPAN_END) return undefined;
  } while (part.lastIndex < text.length);
  return total / perMs;
}

function isInfinity(text: string): boolean {
  return /^[ \t\n\r]*infinity[ \t\n\r]*$/.test(text);
}

/** A number of fewer digits than the greatest one needs no second look. */
function isTooGreat(digits: string): boolean {
  return digits.length >= String(GREATEST_NUMBER).length && BigInt(digits) > GREATEST_NUMBER;
}

/** The digits behind the point; each counts a tenth of the one before, cut off to a whole number as systemd does. */
function fractionOf(digits: string, unit: number): number {
  let total = 0;
  let worth = Math.floor(unit / 10);
  for (const digit of digits) {
    if (worth === 0) break;
    total += Number(digit) * worth;
    worth = Math.floor(worth / 10);
  }
  return total;
}

const PRINTED: readonly (readonly [name: string, ms: number])[] = [
  ["d", DAY],
  ["h", HOUR],
  ["min", MINUTE],
  ["s", SECOND],
  ["ms", 1],
];

/** Milliseconds as people read them: `2h 5min`, `1.5s`, `100ms`, `infinity`; at most two parts, the rest is cut off. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return "infinity";
  if (durationMs < SECOND) return `${Math.round(durationMs)}ms`;
  if (durationMs < MINUTE) return `${Math.floor(durationMs / 100) / 10}s`;
  let rest = durationMs;
  const parts: string[] = [];
  for (const [name, ms] of PRINTED) {
    const count = Math.floor(rest / ms);
    rest -= count * ms;
    if (count > 0) parts.push(`${count}${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}
