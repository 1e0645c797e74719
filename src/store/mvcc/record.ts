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
import type { Bytes, KeyValue, LeaseId } from "../store.ts";

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

/** Writes a record at `at`, where there must be room for it. */
export function writeRecord(into: Buffer, at: number, head: VersionHead, key: Bytes, value: Bytes): void {
  into.writeUInt32LE(recordBytes(key, value), at);
  into[at + 4] = head.version === 0 ? KIND.deletion : KIND.value;
  into.writeUIntLE(head.modRevision, at + 5, 6);
  into.writeUIntLE(head.createRevision, at + 11, 6);
  into.writeUIntLE(head.version, at + 17, 6);
  into.writeBigInt64LE(head.lease, at + 23);
  into.writeUInt32LE(key.length, at + 31);
  into.set(key, at + HEADER_BYTES);
  into.set(value, at + HEADER_BYTES + key.length);
}

/** The mod revision of the record at `at`. */
export function modRevisionIn(buffer: Buffer, at: number): number {
  return buffer.readUIntLE(at + 5, 6);
}

/** A record in a buffer. It holds for as long as the buffer's bytes stay as they are. */
export class VersionRecord {
  readonly buffer: Buffer;
  readonly at: number;

  constructor(buffer: Buffer, at: number) {
    this.buffer = buffer;
    this.at = at;
  }

  get length(): number {
    return this.buffer.readUInt32LE(this.at);
  }

  get kind(): number {
    return this.buffer[this.at + 4] ?? KIND.forgotten;
  }

  get deleted(): boolean {
    return this.kind === KIND.deletion;
  }

  get modRevision(): number {
    return modRevisionIn(this.buffer, this.at);
  }

  get createRevision(): number {
    return this.buffer.readUIntLE(this.at + 11, 6);
  }

  get version(): number {
    return this.buffer.readUIntLE(this.at + 17, 6);
  }

  get lease(): LeaseId {
    return this.buffer.readBigInt64LE(this.at + 23);
  }

  /** The key as the index holds it. */
  get key(): string {
    return this.buffer.toString("latin1", this.at + HEADER_BYTES, this.#valueAt);
  }

  get keyBytes(): Buffer {
    return this.buffer.subarray(this.at + HEADER_BYTES, this.#valueAt);
  }

  get value(): Buffer {
    return this.buffer.subarray(this.#valueAt, this.at + this.length);
  }

  /** The whole record as it is. */
  get bytes(): Buffer {
    return this.buffer.subarray(this.at, this.at + this.length);
  }

  /** Views of the bytes, no copies. */
  toKeyValue(): KeyValue {
    return {
      key: this.keyBytes,
      value: this.value,
      createRevision: BigInt(this.createRevision),
      modRevision: BigInt(this.modRevision),
      version: BigInt(this.version),
      lease: this.lease,
    };
  }

  /** True when its lengths agree with each other and with the bytes there are, up to `end`. */
  isWhole(end: number): boolean {
    if (this.at + HEADER_BYTES > end || this.at + this.length > end) return false;
    const isKnown = this.kind === KIND.value || this.kind === KIND.deletion;
    return isKnown && HEADER_BYTES + this.buffer.readUInt32LE(this.at + 31) <= this.length;
  }

  get #valueAt(): number {
    return this.at + HEADER_BYTES + this.buffer.readUInt32LE(this.at + 31);
  }
}
