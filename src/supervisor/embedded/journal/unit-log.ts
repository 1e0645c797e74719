/**
 * Reading one unit's files: forward, backward, and to the first entry of a kind, without reading the rest.
 *
 * Reads are synchronous and small, because a read over many units makes many of them and each is a few microseconds in
 * the kernel's cache; whoever reads much gives others their turn in between. No file stays open, so that nothing keeps
 * a file that is rotated away, and a file that is gone is a file without entries.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { JournalEntry } from "../../supervisor.ts";
import {
  type Head,
  makeEntry,
  NEWLINE,
  type Position,
  parseHead,
  parseSource,
  type Source,
} from "./record.ts";

/** A piece of a file that begins and ends at whole lines. */
export interface Segment {
  readonly file: number;
  readonly from: number;
  readonly to: number;
}

interface Line {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

const CHUNK_BYTES = 256 * 1024;
const FIRST_CHUNK_BYTES = 4 * 1024;
const SOURCES_KEPT = 500;

export class UnitLog {
  readonly unit: string;
  readonly #directory: string;
  /** By file and place. */
  readonly #sources = new Map<number, Source | undefined>();

  constructor(unit: string, directory: string) {
    this.unit = unit;
    this.#directory = directory;
  }

  /** Everything that is written now in whole lines, oldest first; or what lies behind a position. */
  segments(from?: Position): readonly Segment[] {
    const files = journalFiles(this.#directory).filter((file) => from === undefined || file >= from.file);
    return files.map((file) => {
      const start = file === from?.file ? from.offset : 0;
      return { file, from: start, to: Math.max(start, this.#wholeLines(file)) };
    });
  }

  /** When the file was last written, by the wall clock. */
  writtenUs(file: number): number {
    try {
      return statSync(this.#path(file)).mtimeMs * 1000;
    } catch {
      return 0;
    }
  }

  *forward(segments: readonly Segment[]): Generator<JournalEntry, void> {
    for (const { file, from, to } of segments) {
      for (const line of this.#lines(file, from, to, CHUNK_BYTES)) {
        const entry = this.#entryOf(file, line);
        if (entry !== undefined) yield entry;
      }
    }
  }

  *backward(segments: readonly Segment[]): Generator<JournalEntry, void> {
    for (const { file, from, to } of segments.toReversed()) {
      for (const line of this.#linesBackward(file, from, to)) {
        const entry = this.#entryOf(file, line);
        if (entry !== undefined) yield entry;
      }
    }
  }

  /** Whether a line begins there. */
  isLineStart({ file, offset }: Position): boolean {
    return offset === 0 || readAt(this.#path(file), offset - 1, 1)?.[0] === NEWLINE;
  }

  /**
   * Where the last entry ends for which `isReached` does not hold yet, in a segment where it holds from some entry on:
   * the segment's beginning if it holds for all, its end if for none.
   */
  find(
    { file, from, to }: Segment,
    isReached: (head: Head, source: () => Source | undefined) => boolean,
  ): number {
    const reached = ({ bytes }: Line): boolean | undefined => {
      const head = parseHead(bytes);
      return head === undefined ? undefined : isReached(head, () => this.#source(file, head.source));
    };
    let low = from;
    let high = to;
    while (high - low > CHUNK_BYTES) {
      const middle = low + Math.floor((high - low) / 2);
      const probe = this.#probe(file, middle, high, reached);
      if (probe === undefined || probe.isReached) high = middle;
      else low = probe.end;
    }
    for (const line of this.#lines(file, low, to, CHUNK_BYTES)) {
      const isHere = reached(line);
      if (isHere === true) return low;
      if (isHere === false) low = line.end;
    }
    return to;
  }

  /** What holds of the first entry that begins behind `middle`. */
  #probe(
    file: number,
    middle: number,
    to: number,
    reached: (line: Line) => boolean | undefined,
  ): { readonly isReached: boolean; readonly end: number } | undefined {
    let isFirst = true;
    for (const line of this.#lines(file, middle, to, 2 * FIRST_CHUNK_BYTES)) {
      const isReached = isFirst ? undefined : reached(line);
      isFirst = false;
      if (isReached !== undefined) return { isReached, end: line.end };
    }
    return undefined;
  }

  #entryOf(file: number, { bytes, end }: Line): JournalEntry | undefined {
    const head = parseHead(bytes);
    const source = head === undefined ? undefined : this.#source(file, head.source);
    if (head === undefined || source === undefined) return undefined;
    return makeEntry(this.unit, bytes, head, source, { file, offset: end });
  }

  #source(file: number, offset: number): Source | undefined {
    const key = file * 2 ** 32 + offset;
    const known = this.#sources.get(key);
    if (known !== undefined || this.#sources.has(key)) return known;
    const [line] = this.#lines(file, offset, Number.POSITIVE_INFINITY, FIRST_CHUNK_BYTES);
    const source = line === undefined ? undefined : parseSource(line.bytes);
    if (this.#sources.size >= SOURCES_KEPT) this.#sources.clear();
    this.#sources.set(key, source);
    return source;
  }

  *#lines(file: number, from: number, to: number, chunkBytes: number): Generator<Line, void> {
    let length = chunkBytes;
    for (let at = from; at < to; ) {
      const chunk = readAt(this.#path(file), at, Math.min(length, to - at));
      if (chunk === undefined) return;
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        yield { bytes: chunk.subarray(start, end), start: at + start, end: at + end + 1 };
        start = end + 1;
      }
      // Either the end of what is written, or a line that is longer than the chunk.
      if (start === 0 && chunk.length < length) return;
      if (start === 0) length *= 2;
      at += start;
    }
  }

  *#linesBackward(file: number, from: number, to: number): Generator<Line, void> {
    let length = FIRST_CHUNK_BYTES;
    for (let end = to; end > from; ) {
      const at = Math.max(from, end - length);
      const chunk = readAt(this.#path(file), at, end - at);
      if (chunk === undefined || chunk.length < end - at) return;
      const first = at === from ? 0 : chunk.indexOf(NEWLINE) + 1;
      const hasWholeLine = at === from || (first > 0 && first < chunk.length);
      length = Math.min(4 * length, hasWholeLine ? CHUNK_BYTES : Number.POSITIVE_INFINITY);
      if (!hasWholeLine) continue;
      yield* wholeLinesBackward(chunk, first, at);
      end = at + first;
    }
  }

  /** The end of the last whole line. */
  #wholeLines(file: number): number {
    const size = sizeOf(this.#path(file));
    for (let length = FIRST_CHUNK_BYTES; ; length *= 4) {
      const at = Math.max(0, size - length);
      const end = readAt(this.#path(file), at, size - at)?.lastIndexOf(NEWLINE) ?? -1;
      if (end >= 0) return at + end + 1;
      if (at === 0) return 0;
    }
  }

  #path(file: number): string {
    return join(this.#directory, String(file));
  }
}

/** Numbers of a journal's files, oldest first. */
export function journalFiles(directory: string): readonly number[] {
  const names = listDirectory(directory).filter((name) => /^\d{1,9}$/.test(name));
  return names.map(Number).sort((a, b) => a - b);
}

export function listDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The lines of a chunk that ends with a line, last first, down to the one that begins at `first`. */
function* wholeLinesBackward(chunk: Buffer, first: number, at: number): Generator<Line, void> {
  for (let end = chunk.length; end > first; ) {
    const before = end < 2 ? -1 : chunk.lastIndexOf(NEWLINE, end - 2);
    const start = Math.max(first, before + 1);
    yield { bytes: chunk.subarray(start, end - 1), start: at + start, end: at + end };
    end = start;
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** Undefined where there is nothing to read. */
function readAt(path: string, offset: number, length: number): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const left = Number.isFinite(length) ? length : fstatSync(file).size - offset;
    const buffer = Buffer.allocUnsafe(Math.max(0, left));
    const count = readSync(file, buffer, 0, buffer.length, offset);
    return count === 0 ? undefined : buffer.subarray(0, count);
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
