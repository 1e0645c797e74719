/**
 * Every remembered version, as records one after the other in chunks of memory: one copy of each key and value, and no
 * object for any of them. A version is known by its position, which is a number.
 *
 * Invariants: records are in the order of writing, so revisions ascend; a record never changes but for being marked as
 * forgotten; only whoever squeezes a chunk moves records, and is told of each.
 */
import type { Bytes } from "../store.ts";
import {
  forgetBytes,
  forgetRecord,
  KIND,
  modRevisionIn,
  RECORD_BYTES_MAX,
  RecordBytes,
  recordBytes,
  type VersionHead,
  VersionRecord,
  writeRecord,
} from "./record.ts";
import { STEP_ENTRIES, type Steps } from "./steps.ts";

/** Chunk and place in it. */
export type Position = number;

const CHUNK_BYTES = 1 << 18;
/** A chunk's number is in what is above. */
const PLACES = 2 ** 24;
/** A place to begin reading at is noted so often. */
const MARK_EVERY_BYTES = 4_096;

class Chunk {
  readonly number: number;
  readonly bytes: RecordBytes;
  used = 0;
  forgottenBytes = 0;
  lastRevision = 0;
  /** Where some of the records are, ascending; the first record is one of them. */
  readonly marks: { readonly revision: number; readonly at: number }[] = [];

  constructor(number: number, bytes: RecordBytes) {
    this.number = number;
    this.bytes = bytes;
  }

  /** The same bytes once more: what is added to it is not seen before it takes this one's place. */
  draft(): Chunk {
    const draft = new Chunk(this.number, this.bytes);
    draft.used = this.used;
    draft.forgottenBytes = this.forgottenBytes;
    draft.lastRevision = this.lastRevision;
    draft.marks.push(...this.marks);
    return draft;
  }

  get free(): number {
    return this.bytes.buffer.length - this.used;
  }

  /** Makes room for a record of a revision; answers where. */
  reserve(bytes: number, revision: number): number {
    const at = this.used;
    const last = this.marks.at(-1);
    if (last === undefined || at - last.at >= MARK_EVERY_BYTES) this.marks.push({ revision, at });
    this.used += bytes;
    this.lastRevision = revision;
    return at;
  }

  /** Leaves out what is there before `at`, where a record of a revision follows. */
  skipTo(at: number, revision: number): void {
    if (at === this.used) return;
    forgetBytes(this.bytes, this.used, at, revision);
    this.forgottenBytes += at - this.used;
    this.used = at;
  }

  cutAt(at: number, lastRevision: number): void {
    this.used = at;
    this.lastRevision = lastRevision;
    while ((this.marks.at(-1)?.at ?? -1) >= at) this.marks.pop();
  }

  /** A place from which on every record of `revision` is found, close before the first of them. */
  placeBefore(revision: number): number {
    let low = 0;
    let high = this.marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.marks[middle]?.revision ?? 0) < revision) low = middle + 1;
      else high = middle;
    }
    return this.marks[low - 1]?.at ?? 0;
  }
}

/** Where the log once ended. */
export interface LogMark {
  /** The last chunk's number; 0 while there is none. */
  readonly chunk: number;
  readonly used: number;
}

export class VersionLog {
  readonly #chunks: Chunk[] = [];
  readonly #byNumber = new Map<number, Chunk>();
  #nextNumber = 1;

  append(head: VersionHead, key: Bytes, value: Bytes): Position {
    const bytes = recordBytes(key, value);
    const chunk = this.#roomFor(bytes);
    const at = chunk.reserve(bytes, head.modRevision);
    writeRecord(chunk.bytes, at, head, key, value);
    return chunk.number * PLACES + at;
  }

  /**
   * Takes in a record with the bytes that it is in, which belong to the log from now on: what lies between it and the one
   * before counts as forgotten. Only what is too far behind in them for a position is copied.
   */
  adopt(record: VersionRecord): Position {
    const { at, bytes, length, modRevision } = record;
    if (at + length > PLACES) return copyInto(this.#roomFor(length), record);
    const last = this.#chunks.at(-1);
    const chunk = last?.bytes === bytes ? last : this.#addChunk(bytes);
    chunk.skipTo(at, modRevision);
    return chunk.number * PLACES + chunk.reserve(length, modRevision);
  }

  read(position: Position): VersionRecord {
    const number = Math.floor(position / PLACES);
    const chunk = this.#byNumber.get(number);
    if (chunk === undefined) throw new RangeError(`the log has nothing at ${position}`);
    return new VersionRecord(chunk.bytes, position - number * PLACES);
  }

  /**
   * Versions from `revision` up to `upTo`, in order, as the log is now: what is appended, forgotten or squeezed meanwhile
   * does not disturb it.
   */
  *from(revision: number, upTo: number): Generator<VersionRecord, void, undefined> {
    const parts = this.#chunks.slice(this.#chunkFor(revision)).map((chunk) => ({ chunk, end: chunk.used }));
    for (const { chunk, end } of parts) {
      // Only what is not settled can be cut off and written anew, and that is later than anybody asks for.
      for (let at = chunk.placeBefore(revision); at < end; ) {
        const record = new VersionRecord(chunk.bytes, at);
        at += record.length;
        if (record.modRevision > upTo) return;
        if (record.kind !== KIND.forgotten && record.modRevision >= revision) yield record;
      }
    }
  }

  /** Without making an object of it. */
  modRevisionAt(position: Position): number {
    const number = Math.floor(position / PLACES);
    const chunk = this.#byNumber.get(number);
    return chunk === undefined ? 0 : modRevisionIn(chunk.bytes, position - number * PLACES);
  }

  forget(position: Position): void {
    const number = Math.floor(position / PLACES);
    const chunk = this.#byNumber.get(number);
    if (chunk !== undefined) chunk.forgottenBytes += forgetRecord(chunk.bytes, position - number * PLACES);
  }

  mark(): LogMark {
    const last = this.#chunks.at(-1);
    return { chunk: last?.number ?? 0, used: last?.used ?? 0 };
  }

  /** The bytes that were appended since a mark. */
  since(mark: LogMark): Buffer[] {
    return this.#chunks
      .slice(Math.max(0, this.#indexOf(mark)))
      .map((chunk) => chunk.bytes.buffer.subarray(chunk.number === mark.chunk ? mark.used : 0, chunk.used))
      .filter((bytes) => bytes.length > 0);
  }

  /** Takes away a version and all behind it. @param lastRevision of what is left. */
  cutFrom(position: Position, lastRevision: number): void {
    const number = Math.floor(position / PLACES);
    const at = position - number * PLACES;
    const first = this.#chunks.findLastIndex((chunk) => chunk.number === number);
    for (const chunk of this.#chunks.splice(at === 0 ? first : first + 1))
      this.#byNumber.delete(chunk.number);
    if (at > 0) this.#chunks[first]?.cutAt(at, lastRevision);
  }

  /**
   * Frees the memory of forgotten records, a chunk after the other: what is left of a chunk moves to the end of the one
   * before, where there is room, or into a smaller one.
   * @param end says where it ends now: chunks from there on may still be cut or written to, and stay as they are.
   * @param moved is told where a record was and where it is now.
   */
  *squeeze(end: () => LogMark, moved: (from: Position, to: Position) => void): Steps<void> {
    for (let index = 0; index < this.#indexOf(end()); ) {
      const chunk = this.#chunks[index];
      if (chunk === undefined) return;
      const isWorthIt = chunk.forgottenBytes * 4 >= chunk.used;
      const isGone = isWorthIt && (yield* this.#squeezeOne(index, chunk, moved));
      if (!isGone) index += 1;
    }
  }

  /** Returns true when the chunk is gone, all of it being in the one before. */
  *#squeezeOne(index: number, chunk: Chunk, moved: (from: Position, to: Position) => void): Steps<boolean> {
    const left = chunk.used - chunk.forgottenBytes;
    const before = this.#chunks[index - 1];
    const joins = left === 0 || (before !== undefined && before.free >= left);
    const target = joins ? before?.draft() : this.#newChunk(freshBytes(Math.max(left, CHUNK_BYTES)));
    if (target !== undefined && left > 0) yield* moveRemembered(chunk, target, moved);
    this.#byNumber.delete(chunk.number);
    if (target === undefined) this.#chunks.shift();
    else this.#replace(joins ? index - 1 : index, joins ? 2 : 1, target);
    return joins;
  }

  #replace(index: number, count: number, chunk: Chunk): void {
    this.#chunks.splice(index, count, chunk);
    this.#byNumber.set(chunk.number, chunk);
  }

  #indexOf(mark: LogMark): number {
    return this.#chunks.findLastIndex((chunk) => chunk.number === mark.chunk);
  }

  #roomFor(bytes: number): Chunk {
    if (bytes > RECORD_BYTES_MAX)
      throw new RangeError(`a version of ${bytes} bytes is more than the log takes`);
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.free >= bytes) return last;
    return this.#addChunk(freshBytes(Math.max(bytes, CHUNK_BYTES)));
  }

  #addChunk(bytes: RecordBytes): Chunk {
    const chunk = this.#newChunk(bytes);
    this.#chunks.push(chunk);
    return chunk;
  }

  #newChunk(bytes: RecordBytes): Chunk {
    const chunk = new Chunk(this.#nextNumber, bytes);
    this.#nextNumber += 1;
    this.#byNumber.set(chunk.number, chunk);
    return chunk;
  }

  /** Index of the first chunk that may have versions from `revision` on. */
  #chunkFor(revision: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle]?.lastRevision ?? 0) < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Not filled: what is not used costs no memory. */
function freshBytes(bytes: number): RecordBytes {
  return new RecordBytes(Buffer.allocUnsafeSlow(bytes));
}

function* moveRemembered(
  chunk: Chunk,
  target: Chunk,
  moved: (from: Position, to: Position) => void,
): Steps<void> {
  let count = 0;
  for (let at = 0; at < chunk.used; ) {
    const record = new VersionRecord(chunk.bytes, at);
    if (record.kind !== KIND.forgotten) moved(chunk.number * PLACES + at, copyInto(target, record));
    at += record.length;
    count += 1;
    if (count % STEP_ENTRIES === 0) yield;
  }
}

function copyInto(chunk: Chunk, record: VersionRecord): Position {
  const { length } = record;
  const at = chunk.reserve(length, record.modRevision);
  record.copyTo(chunk.bytes, at);
  return chunk.number * PLACES + at;
}
