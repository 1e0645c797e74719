/** One line of a unit's journal as journalctl's short form. Pure. */
import type { JournalLine } from "#api/bodies.ts";
import { formatTime } from "./terminal/times.ts";

export function formatJournalLine(line: JournalLine): string {
  const who = line.origin === "supervisor" ? "flotilla" : line.unit.replace(/\.[a-z]+$/, "");
  const pid = line.pid === undefined ? "" : `[${line.pid}]`;
  return `${formatTime(line.timeUs / 1000)} ${line.machineName} ${who}${pid}: ${line.message}`;
}
