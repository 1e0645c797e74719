/** One line of a unit's journal as journalctl's short form. Pure. */
import type { JournalLine } from "#api/bodies.ts";
import { formatTime } from "./terminal/times.ts";

/** @param machineName what people call the machine; null: the beginning of its ID */
export function formatJournalLine(line: JournalLine, machineName: string | null): string {
  const who = line.stream === "supervisor" ? "flotilla" : line.unit.replace(/\.[a-z]+$/, "");
  const pid = line.pid === undefined ? "" : `[${line.pid}]`;
  return `${formatTime(line.timeUs / 1000)} ${machineName ?? line.machine.slice(0, 8)} ${who}${pid}: ${line.message}`;
}
