/**
 * A version of a key as bytes, the same in memory and on the disk. All numbers are little endian.
 *
 *     0  u32  length of the record, these four bytes included
 *     4  u8   what it is: 1 a value, 2 a deletion; in memory also 0, forgotten
 *     5  u48  mod revision
 *    11  u48  create revision, 0 for a deletion
 *    17  u48  version, 0 for a deletion
 *    23  i64  lease, 0 for none
 *    31  u32  length of the key
 *    35       key, then value
 */
import type { Bytes, LeaseId } from "../store.ts";

const HEADER_BYTES = 35;
/** Longer than any request may be; positions in the log count on it. */
export const RECORD_BYTES_MAX = 1 << 23;
export const KIND = { forgotten: 0, value: 1, deletion: 2 } as const;

/** What a version says beside key and value. */
export interface VersionHead {
  readonly modRevision: number;
  /** 0, as is the version, where the key was deleted. */
  readonly createRevision: number;
  readonly version: number;
  readonly lease: LeaseId;
}

export function recordBytes(key: Bytes, value: Bytes): number {
  return HEADER_BYTES + key.length + value.length;
}

/** Bytes with records. Where Node only interprets, a view reads their numbers five times as fast as the buffer does. */
export class RecordBytes {
  readonly buffer: Buffer;
  readonly view: DataView;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  }
}

/** Writes a record at `at`, where there must be room for it. */
export function writeRecord(
  { buffer, view }: RecordBytes,
  at: number,
  head: VersionHead,
  key: Bytes,
  value: Bytes,
): void {
  view.setUint32(at, recordBytes(key, value), true);
  view.setUint8(at + 4, head.version === 0 ? KIND.deletion : KIND.value);
  setUint48(view, at + 5, head.modRevision);
  setUint48(view, at + 11, head.createRevision);
  setUint48(view, at + 17, head.version);
  view.setBigInt64(at + 23, head.lease, true);
  view.setUint32(at + 31, key.length, true);
  buffer.set(key, at + HEADER_BYTES);
  buffer.set(value, at + HEADER_BYTES + key.length);
}

/** The mod revision of the record at `at`. */
export function modRevisionIn({ view }: RecordBytes, at: number): number {
  return getUint48(view, at + 5);
}

/** Marks the record at `at` as forgotten. Returns its length. */
export function forgetRecord({ view }: RecordBytes, at: number): number {
  view.setUint8(at + 4, KIND.forgotten);
  return view.getUint32(at, true);
}

/** Makes one forgotten record of bytes in which there are none, or others. @param revision not after that of the next. */
export function forgetBytes({ view }: RecordBytes, from: number, to: number, revision: number): void {
  view.setUint32(from, to - from, true);
  view.setUint8(from + 4, KIND.forgotten);
  setUint48(view, from + 5, revision);
}

function getUint48(view: DataView, at: number): number {
  const low = view.getUint32(at, true);
  const high = view.getUint16(at + 4, true);
  return high === 0 ? low : low + high * 2 ** 32;
}

function setUint48(view: DataView, at: number, value: number): void {
  // What is above is cut off.
  view.setUint32(at, value, true);
  view.setUint16(at + 4, value / 2 ** 32, true);
}

/** The record at `at`; undefined where its lengths do not agree with each other and with the bytes there are up to `end`. */
export function wholeRecordAt(bytes: RecordBytes, at: number, end: number): VersionRecord | undefined {
  if (at + HEADER_BYTES > end) return undefined;
  const record = new VersionRecord(bytes, at);
  const recordEnd = at + record.length;
  if (recordEnd > end || record.valueAt > recordEnd) return undefined;
  return record.kind === KIND.value || record.kind === KIND.deletion ? record : undefined;
}

/** A record among others. It holds for as long as the bytes stay as they are. */
export class VersionRecord {
  readonly bytes: RecordBytes;
  readonly at: number;
  readonly length: number;

  constructor(bytes: RecordBytes, at: number) {
    this.bytes = bytes;
    this.at = at;
    this.length = bytes.view.getUint32(at, true);
  }

  get kind(): number {
    return this.bytes.view.getUint8(this.at + 4);
  }

  get deleted(): boolean {
    return this.kind === KIND.deletion;
  }

  get modRevision(): number {
    return modRevisionIn(this.bytes, this.at);
  }

  get createRevision(): number {
    return getUint48(this.bytes.view, this.at + 11);
  }

  get version(): number {
    return getUint48(this.bytes.view, this.at + 17);
  }

  get lease(): LeaseId {
    // Few have one, and a number of this kind is an object.
    return this.hasLease ? this.bytes.view.getBigInt64(this.at + 23, true) : 0n;
  }

  /** Without making a number of it. */
  get hasLease(): boolean {
    const { view } = this.bytes;
    return view.getUint32(this.at + 23, true) !== 0 || view.getUint32(this.at + 27, true) !== 0;
  }

  /** The key as the index holds it. */
  get key(): string {
    return this.bytes.buffer.toString("latin1", this.at + HEADER_BYTES, this.valueAt);
  }

  get keyBytes(): Buffer {
    return this.bytes.buffer.subarray(this.at + HEADER_BYTES, this.valueAt);
  }

  get value(): Buffer {
    return this.bytes.buffer.subarray(this.valueAt, this.at + this.length);
  }

  /** All of it. */
  get content(): Buffer {
    return this.bytes.buffer.subarray(this.at, this.at + this.length);
  }

  /** Copies the whole record to `at` in other bytes. */
  copyTo(target: RecordBytes, at: number): void {
    this.bytes.buffer.copy(target.buffer, at, this.at, this.at + this.length);
  }

  /** Without a view of it. */
  get valueLength(): number {
    return this.at + this.length - this.valueAt;
  }

  /** Where the value begins. */
  get valueAt(): number {
    return this.at + HEADER_BYTES + this.bytes.view.getUint32(this.at + 31, true);
  }
}
