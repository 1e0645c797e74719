/** When a line was written, in journalctl's forms and the machine's time zone. Pure. */
import type { JournalLine } from "#api/bodies.ts";

export const STAMP_FORMATS = [
  "short",
  "short-precise",
  "short-iso",
  "short-iso-precise",
  "short-full",
  "short-unix",
  "short-monotonic",
] as const;
export type StampFormat = (typeof STAMP_FORMATS)[number];

const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export function isStampFormat(format: string): format is StampFormat {
  return STAMP_FORMATS.some((one) => one === format);
}

export function formatStamp(format: StampFormat | "verbose", line: JournalLine): string {
  const time = new Date(Math.floor(line.timeUs / 1000));
  const fraction = pad(line.timeUs % 1_000_000, 6);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => pad(part)).join(":");
  const date = [time.getFullYear(), pad(time.getMonth() + 1), pad(time.getDate())].join("-");
  switch (format) {
    case "short":
      return `${monthAndDay(time)} ${clock}`;
    case "short-precise":
      return `${monthAndDay(time)} ${clock}.${fraction}`;
    case "short-iso":
      return `${date}T${clock}${offset(time)}`;
    case "short-iso-precise":
      return `${date}T${clock}.${fraction}${offset(time)}`;
    case "short-full":
      return `${DAYS[time.getDay()]} ${date} ${clock} ${zone(time)}`;
    case "verbose":
      return `${DAYS[time.getDay()]} ${date} ${clock}.${fraction} ${zone(time)}`;
    case "short-unix":
      return `${Math.floor(line.timeUs / 1_000_000)}.${fraction}`;
    case "short-monotonic":
      return `[${monotonic(line)}]`;
  }
}

function monthAndDay(time: Date): string {
  return `${MONTHS[time.getMonth()]} ${pad(time.getDate())}`;
}

/** `+0130` */
function offset(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
}

/** `CET` */
function zone(time: Date): string {
  return time.toLocaleTimeString("en-US", { timeZoneName: "short" }).split(" ").at(-1) ?? "";
}

function monotonic({ fields }: JournalLine): string {
  const us = Number(fields?.__MONOTONIC_TIMESTAMP ?? 0);
  return `${String(Math.floor(us / 1_000_000)).padStart(5)}.${pad(us % 1_000_000, 6)}`;
}

function pad(number: number, width = 2): string {
  return String(number).padStart(width, "0");
}
