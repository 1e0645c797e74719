/** Calendar events in the normalized form that `systemd-analyze calendar` prints. */
import type { CalendarField, CalendarRange, CalendarSpec } from "./calendar-spec.ts";

const DAY_NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;

const SECOND_US = 1_000_000;

export function formatCalendar(spec: CalendarSpec): string {
  const days = spec.weekdays === undefined ? "" : `${formatWeekdays(spec.weekdays)} `;
  const date = `${formatField(spec.year, 4)}-${formatField(spec.month, 2)}${spec.fromMonthEnd ? "~" : "-"}${formatField(spec.day, 2)}`;
  const time = `${formatField(spec.hour, 2)}:${formatField(spec.minute, 2)}:${formatField(spec.second, 2, SECOND_US)}`;
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
  if (field === undefined || isEverySecond(field, unit)) return "*";
  return field
    .map(({ start, stop, repeat }) => {
      const range = [start, ...(stop === undefined ? [] : [stop])].map((each) => format(each, width, unit));
      return range.join("..") + (repeat === undefined ? "" : `/${format(repeat, 1, unit)}`);
    })
    .join(",");
}

/** systemd drops what is beside `0/1` in seconds, fractions included. */
function isEverySecond([first]: readonly CalendarRange[], unit: number): boolean {
  return unit === SECOND_US && first?.start === 0 && first.stop === undefined && first.repeat === unit;
}

/** A fraction has six digits, or none. */
function format(value: number, width: number, unit: number): string {
  const whole = String(Math.floor(value / unit)).padStart(width, "0");
  const rest = value % unit;
  return rest === 0 ? whole : `${whole}.${String(rest).padStart(6, "0")}`;
}
