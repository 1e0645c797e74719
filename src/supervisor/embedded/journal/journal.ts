/**
 * The journals of a machine's units: reading, following, the supervisor's own lines for units without a shim, and
 * how long the journal of an unloaded unit is kept.
 *
 * Invariant: a journal has one writer at a time: the unit's shim while it has one, else this.
 */
import { appendFileSync, mkdirSync, readdirSync, rmSync, statSync, watch } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { isUnitName } from "#unit/name.ts";
import type { JournalEntry, JournalQuery } from "../../supervisor.ts";
import { formatLine, type Position, parseChunk, parseCursor } from "./format.ts";

/** Per unit: so many files of so many bytes. */
export const JOURNAL_FILES = 4;
export const JOURNAL_FILE_BYTES = 1024 * 1024;

const CHUNK_BYTES = 256 * 1024;
const KEPT_UNLOADED = 200;
const KEPT_UNLOADED_MS = 7 * 24 * 3600 * 1000;

export class Journal {
  readonly #directory: string;
  readonly #clock: Clock;

  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  directoryOf(unit: string): string {
    return join(this.#directory, unit);
  }

  /** A line of the supervisor's own about a unit that has no shim. A full disk loses the line. */
  append(unit: string, priority: number, text: string): void {
    const directory = this.directoryOf(unit);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const file = filesOf(directory).at(-1) ?? 1;
      const timeUs = Math.round(this.#clock.now() * 1000);
      appendFileSync(join(directory, String(file)), formatLine(timeUs, priority, text), { mode: 0o600 });
    } catch {
      // The unit's state tells the same; a journal that cannot be written must not stop the unit.
    }
  }

  /** The entries asked for; with `follow`, until the signal is aborted. An unknown unit has none. */
  async *read(unit: string, query: JournalQuery): AsyncGenerator<JournalEntry> {
    // The name comes from users and becomes a path.
    if (!isUnitName(unit)) return;
    const directory = this.directoryOf(unit);
    if (query.follow) mkdirSync(directory, { recursive: true, mode: 0o700 });
    using changes = query.follow ? new Changes(directory, query.signal) : undefined;
    let position = startOf(directory, query.after);
    if (query.lines !== undefined) {
      const tail: JournalEntry[] = [];
      for await (const batch of readFrom(unit, directory, position)) {
        position = batch.end;
        tail.push(...batch.entries);
        if (tail.length > 2 * query.lines) tail.splice(0, tail.length - query.lines);
      }
      yield* tail.slice(Math.max(0, tail.length - query.lines));
    }
    while (!query.signal?.aborted) {
      for await (const batch of readFrom(unit, directory, position)) {
        position = batch.end;
        yield* batch.entries;
      }
      if (changes === undefined) return;
      await changes.next();
    }
  }

  /** Removes journals of units that are not loaded, once they are too old or too many. */
  sweep(loaded: (unit: string) => boolean): void {
    const unloaded = listDirectory(this.#directory)
      .filter((unit) => !loaded(unit))
      .map((unit) => ({ unit, changedMs: statSync(this.directoryOf(unit)).mtimeMs }))
      .sort((a, b) => b.changedMs - a.changedMs);
    const oldestMs = this.#clock.now() - KEPT_UNLOADED_MS;
    for (const [index, { unit, changedMs }] of unloaded.entries()) {
      if (index >= KEPT_UNLOADED || changedMs < oldestMs) {
        rmSync(this.directoryOf(unit), { recursive: true, force: true });
      }
    }
  }
}

/** Wakes a follower when the journal's directory changes; one change at least is remembered while it is not waiting. */
class Changes implements Disposable {
  readonly #watcher;
  readonly #signal: AbortSignal | undefined;
  #pending = false;
  #wake: (() => void) | undefined;

  constructor(directory: string, signal: AbortSignal | undefined) {
    this.#watcher = watch(directory, () => this.#notify());
    this.#signal = signal;
    signal?.addEventListener("abort", this.#notify, { once: true });
  }

  async next(): Promise<void> {
    if (!this.#pending && !this.#signal?.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#pending = false;
    this.#wake = undefined;
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
    this.#signal?.removeEventListener("abort", this.#notify);
  }

  readonly #notify = (): void => {
    this.#pending = true;
    this.#wake?.();
  };
}

function listDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Numbers of the journal's files, oldest first. */
function filesOf(directory: string): readonly number[] {
  const names = listDirectory(directory).filter((name) => /^\d+$/.test(name));
  return names.map(Number).sort((a, b) => a - b);
}

/** Where to begin: behind the cursor, or at the oldest entry where the cursor's file is gone. */
function startOf(directory: string, after: string | undefined): Position {
  const oldest = filesOf(directory)[0] ?? 1;
  const cursor = after === undefined ? undefined : parseCursor(after);
  return cursor !== undefined && cursor.file >= oldest ? cursor : { file: oldest, offset: 0 };
}

interface Batch {
  readonly entries: readonly JournalEntry[];
  readonly end: Position;
}

/** Everything from a position to the end of what is written now, file after file. */
async function* readFrom(unit: string, directory: string, start: Position): AsyncGenerator<Batch> {
  for (const file of filesOf(directory).filter((number) => number >= start.file)) {
    const offset = file === start.file ? start.offset : 0;
    yield* readFile(unit, directory, { file, offset });
  }
}

async function* readFile(unit: string, directory: string, start: Position): AsyncGenerator<Batch> {
  const handle = await open(join(directory, String(start.file)), "r").catch(() => undefined);
  if (handle === undefined) return;
  try {
    let position = start;
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, position.offset);
      const { entries, end } = parseChunk(unit, buffer.subarray(0, bytesRead), position);
      if (end.offset === position.offset) return;
      position = end;
      yield { entries, end };
    }
  } finally {
    await handle.close();
  }
}
