/** Lengths of time in systemd's notation (systemd.time(7), PARSING TIME SPANS) to and from milliseconds. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** systemd's month is 30.44 days and its year 365.25. */
const MONTH = 30.44 * DAY;
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

/**
 * `90`, `1min 30s`, `2h 3.5s`, `infinity` as milliseconds (Infinity for the last), or undefined when it is none.
 * A number without a unit counts `defaultUnitMs`, which is seconds unless a key of systemd's says otherwise.
 */
export function parseDuration(text: string, defaultUnitMs: number = SECOND): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "infinity") return Number.POSITIVE_INFINITY;
  if (trimmed === "") return undefined;
  const part = /\s*(\+?(?:\d+(?:\.\d*)?|\.\d+))\s*([A-Za-zµμ]*)\s*/y;
  let total = 0;
  while (part.lastIndex < trimmed.length) {
    const match = part.exec(trimmed);
    if (match === null) return undefined;
    const unit = match[2] === "" ? defaultUnitMs : UNITS.get(match[2] ?? "");
    if (unit === undefined) return undefined;
    total += Number(match[1]) * unit;
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
