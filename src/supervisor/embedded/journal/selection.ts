/** Which part of a unit's files a query needs at all: everything before and behind it is not read. */
import type { JournalEntry, JournalQuery } from "../../supervisor.ts";
import type { Boots } from "./boots.ts";
import { type Cursor, type Head, parseCursor, type Source } from "./record.ts";
import type { Segment, UnitLog } from "./unit-log.ts";

/** A file's time of writing is taken from a coarser clock than its entries. */
const COARSE_CLOCK_US = 20_000;

/** The bounds of a query in the order of writing, and in time. */
export interface Selection {
  readonly after: Cursor | undefined;
  /** Rank of the only boot; undefined: all. */
  readonly boot: number | undefined;
  readonly sinceUs: number | undefined;
  readonly untilUs: number | undefined;
}

/** Undefined when the query names a boot that is not known, so that nothing is selected. */
export function selectionOf(query: JournalQuery, boots: Boots): Selection | undefined {
  const { after, boot, sinceUs, untilUs } = query;
  const id = boot === undefined ? undefined : boots.resolve(boot);
  if (boot !== undefined && id === undefined) return undefined;
  return {
    after: after === undefined ? undefined : parseCursor(after),
    boot: id === undefined ? undefined : boots.rank(id),
    sinceUs,
    untilUs,
  };
}

/** Entries in the order they were written in, over all units of a machine. */
export function compareWritten(boots: Boots): (a: JournalEntry, b: JournalEntry) => number {
  return (a, b) =>
    a.boot === b.boot ? a.monotonicUs - b.monotonicUs : boots.rank(a.boot) - boots.rank(b.boot);
}

/** What of the segments is selected. Within a file, entries never go back in time: a clock that does begins a new one. */
export function narrow(
  log: UnitLog,
  segments: readonly Segment[],
  { after, boot, sinceUs, untilUs }: Selection,
  boots: Boots,
): readonly Segment[] {
  const rankOf = (source: Source | undefined): number => boots.rank(source?.boot ?? "");
  let found = after === undefined ? segments : behindCursor(log, segments, after, boots);
  if (boot !== undefined) {
    found = from(log, found, (_, source) => rankOf(source()) >= boot);
    found = until(log, found, (_, source) => rankOf(source()) > boot);
  }
  if (sinceUs !== undefined) {
    found = found
      .filter(({ file }) => log.writtenUs(file) + COARSE_CLOCK_US >= sinceUs)
      .map((segment) => ({ ...segment, from: log.find(segment, ({ timeUs }) => timeUs >= sinceUs) }));
  }
  if (untilUs !== undefined) {
    found = found.map((segment) => ({
      ...segment,
      to: log.find(segment, ({ timeUs }) => timeUs > untilUs),
    }));
  }
  return found.filter((segment) => segment.from < segment.to);
}

type Reached = (head: Head, source: () => Source | undefined) => boolean;

function behindCursor(
  log: UnitLog,
  segments: readonly Segment[],
  cursor: Cursor,
  boots: Boots,
): readonly Segment[] {
  const { end, unit, boot, monotonicUs } = cursor;
  if (log.unit === unit && segments.some(({ file }) => file === end.file) && log.isLineStart(end)) {
    return segments
      .filter(({ file }) => file >= end.file)
      .map((segment) => (segment.file === end.file ? { ...segment, from: end.offset } : segment));
  }
  const rank = boots.rank(boot);
  return from(log, segments, (head, source) => {
    const order = boots.rank(source()?.boot ?? "") - rank || head.monotonicUs - monotonicUs;
    return order > 0 || (order === 0 && log.unit > unit);
  });
}

/** The segments from the first entry on for which it holds, where it holds for every later one. */
function from(log: UnitLog, segments: readonly Segment[], isReached: Reached): readonly Segment[] {
  const kept: Segment[] = [];
  for (const segment of segments.toReversed()) {
    const start = log.find(segment, isReached);
    kept.unshift({ ...segment, from: start });
    if (start > segment.from) break;
  }
  return kept;
}

/** The segments up to the first entry for which it holds. */
function until(log: UnitLog, segments: readonly Segment[], isReached: Reached): readonly Segment[] {
  const kept: Segment[] = [];
  for (const segment of segments) {
    const end = log.find(segment, isReached);
    kept.push({ ...segment, to: end });
    if (end < segment.to) break;
  }
  return kept;
}
