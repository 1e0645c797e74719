/**
 * Reading the journal of a machine: the files of its units, merged in the order they were written in.
 *
 * Invariant: what is followed begins exactly where what was there ends: the files are watched before their ends are
 * looked at, and each end is that of a whole line.
 */
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { isUnitName } from "#unit/name.ts";
import { compileFilter, type Select, selectsUnit } from "../../journal-filter.ts";
import type { JournalEntry, JournalQuery } from "../../supervisor.ts";
import type { Boots } from "./boots.ts";
import { Changes } from "./changes.ts";
import { mergeOrdered } from "./merge.ts";
import type { Position } from "./record.ts";
import { compareWritten, narrow, selectionOf } from "./selection.ts";
import { listDirectory, type Segment, UnitLog } from "./unit-log.ts";

/** After so many entries everything else in the daemon gets its turn. */
const ENTRIES_A_TURN = 500;

/** A unit's files, and how much of them is there to be read. */
interface Written {
  readonly log: UnitLog;
  readonly segments: readonly Segment[];
}

export class JournalReader {
  readonly #root: string;
  readonly #boots: Boots;

  constructor(root: string, boots: Boots) {
    this.#root = root;
    this.#boots = boots;
  }

  /** @throws FlotillaError `bad-request` for a query that cannot be meant */
  async *read(query: JournalQuery): AsyncGenerator<JournalEntry, void> {
    const select = compileFilter(query);
    const selects = (name: string): boolean => isUnitName(name) && selectsUnit(query, name);
    using changes = query.follow ? new Changes(this.#root, selects, query.signal) : undefined;
    // Names come from users and become paths, so only what is in the directory is opened.
    const units = listDirectory(this.#root).filter(selects).sort();
    for (const unit of units) changes?.add(unit);
    const written = units.map((unit) => this.#written(unit, undefined));
    yield* this.#readWritten(written, query, select);
    if (changes !== undefined) yield* this.#follow(written, changes, query, select);
  }

  #written(unit: string, from: Position | undefined): Written {
    const log = new UnitLog(unit, join(this.#root, unit));
    return { log, segments: log.segments(from) };
  }

  async *#readWritten(
    written: readonly Written[],
    query: JournalQuery,
    select: Select,
  ): AsyncGenerator<JournalEntry, void> {
    const selection = selectionOf(query, this.#boots);
    if (selection === undefined) return;
    const selected = written.map(({ log, segments }) => ({
      log,
      segments: narrow(log, segments, selection, this.#boots),
    }));
    const { lines = Number.POSITIVE_INFINITY, reverse = false, signal } = query;
    if (!reverse && !Number.isFinite(lines)) {
      yield* paced(this.#merge(selected), select, signal);
      return;
    }
    const newestFirst = firstOf(paced(this.#mergeBackward(selected), select, signal), lines);
    if (reverse) yield* newestFirst;
    else yield* (await Array.fromAsync(newestFirst)).reverse();
  }

  async *#follow(
    written: readonly Written[],
    changes: Changes,
    query: JournalQuery,
    select: Select,
  ): AsyncGenerator<JournalEntry, void> {
    const ends = new Map(written.map(({ log, segments }) => [log.unit, endOf(segments)]));
    while (!query.signal?.aborted) {
      const changed = [...(await changes.next())].sort();
      const fresh = changed.map((unit) => this.#written(unit, ends.get(unit)));
      for (const { log, segments } of fresh) ends.set(log.unit, endOf(segments) ?? ends.get(log.unit));
      yield* paced(this.#merge(fresh), select, query.signal);
    }
  }

  #merge(written: readonly Written[]): Generator<JournalEntry, void> {
    const sources = written.map(({ log, segments }) => log.forward(segments));
    return mergeOrdered(sources, compareWritten(this.#boots));
  }

  #mergeBackward(written: readonly Written[]): Generator<JournalEntry, void> {
    const sources = written.toReversed().map(({ log, segments }) => log.backward(segments));
    const compare = compareWritten(this.#boots);
    return mergeOrdered(sources, (a, b) => compare(b, a));
  }
}

function endOf(segments: readonly Segment[]): Position | undefined {
  const last = segments.at(-1);
  return last === undefined ? undefined : { file: last.file, offset: last.to };
}

async function* paced(
  entries: Iterable<JournalEntry>,
  select: Select,
  signal: AbortSignal | undefined,
): AsyncGenerator<JournalEntry, void> {
  for (const batch of batchesOf(entries, ENTRIES_A_TURN)) {
    yield* select(batch);
    await turn();
    if (signal?.aborted) return;
  }
}

function* batchesOf<T>(items: Iterable<T>, size: number): Generator<readonly T[], void> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function* firstOf<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T, void> {
  let left = count;
  if (left <= 0) return;
  for await (const item of items) {
    yield item;
    if (--left <= 0) return;
  }
}
