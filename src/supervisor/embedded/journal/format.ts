/**
 * The form of a unit's journal on disk: files named 1, 2, 3, … of lines `<µs> <stream> <priority> <pid> <text>`.
 * The shim writes it (shim.pl, journal_line); this is the reading end. A cursor is a file's number and the position
 * behind an entry, so that it stays right when older files are removed.
 */
import type { JournalEntry } from "../../supervisor.ts";

const STREAMS: ReadonlyMap<string, JournalEntry["stream"]> = new Map([
  ["o", "stdout"],
  ["e", "stderr"],
  ["s", "supervisor"],
]);

export interface Position {
  readonly file: number;
  readonly offset: number;
}

export function formatCursor({ file, offset }: Position): string {
  return `${file}-${offset}`;
}

/** Undefined for a text that is no cursor. */
export function parseCursor(text: string): Position | undefined {
  const [, file, offset] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  return file === undefined ? undefined : { file: Number(file), offset: Number(offset) };
}

/** A line as an entry; undefined for one that is damaged, as a power cut can leave it. */
export function parseLine(unit: string, line: string, end: Position): JournalEntry | undefined {
  const [, timeUs, letter = "", priority, pid, message = ""] =
    /^(\d+) ([oes]) ([0-7]) (\d+) (.*)$/s.exec(line) ?? [];
  const stream = STREAMS.get(letter);
  if (stream === undefined) return undefined;
  const entry = {
    cursor: formatCursor(end),
    timeUs: Number(timeUs),
    unit,
    stream,
    priority: Number(priority),
    message,
  };
  return Number(pid) > 0 ? { ...entry, pid: Number(pid) } : entry;
}

/** A line as the supervisor writes it itself, when a unit has no shim. */
export function formatLine(timeUs: number, priority: number, text: string): string {
  return `${timeUs} s ${priority} 0 ${text.replaceAll("\n", " ")}\n`;
}

/** The entries of a piece of a file that begins at `start`; an unfinished last line is left for later. */
export function parseChunk(
  unit: string,
  chunk: Uint8Array,
  start: Position,
): { readonly entries: readonly JournalEntry[]; readonly end: Position } {
  const entries: JournalEntry[] = [];
  const decoder = new TextDecoder();
  let from = 0;
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
    const end = { file: start.file, offset: start.offset + at + 1 };
    const entry = parseLine(unit, decoder.decode(chunk.subarray(from, at)), end);
    if (entry !== undefined) entries.push(entry);
    from = at + 1;
  }
  return { entries, end: { file: start.file, offset: start.offset + from } };
}
