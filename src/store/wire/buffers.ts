/** Reading and writing the primitives of the protobuf wire format (https://protobuf.dev/programming-guides/encoding). */
import { StoreError } from "../store.ts";

export type WireType = number;
export const VARINT = 0;
const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
/** Protobuf's own limit. A transaction may hold at most 128 others, two messages deep each. */
const DEPTH_MAX = 300;

export class WireReader {
  readonly #bytes: Uint8Array;
  at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** A 64-bit varint as an unsigned number. */
  uint64(): bigint {
    let low = 0;
    // Four groups of seven bits fit into a number, which is much faster than a bigint and nearly always enough.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed("proto: integer overflow");
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  /** A varint that must fit into a JavaScript number: lengths, tags, counts. */
  number(): number {
    return Number(this.int64());
  }

  /** A view of the bytes, not a copy. */
  bytes(): Uint8Array {
    const end = this.end();
    const view = this.#bytes.subarray(this.at, end);
    this.at = end;
    return view;
  }

  /** Reads a length and returns where what follows ends. */
  end(): number {
    const length = this.number();
    const end = this.at + length;
    if (length < 0 || end > this.#bytes.length) throw malformed("unexpected EOF");
    return end;
  }

  /** Reads a message within the message. @param read is given where it ends, and has to end there. */
  nested<T>(read: (end: number) => T): T {
    const end = this.end();
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw malformed("proto: messages are nested too deeply");
    const value = read(end);
    if (this.at !== end) throw malformed("unexpected EOF");
    this.#depth -= 1;
    return value;
  }

  skip(type: WireType): void {
    if (type === VARINT) this.uint64();
    else if (type === LENGTH_DELIMITED) this.at = this.end();
    else if (type === FIXED64) this.at += 8;
    else if (type === FIXED32) this.at += 4;
    else throw malformed(`proto: illegal wireType ${type}`);
    if (this.at > this.#bytes.length) throw malformed("unexpected EOF");
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw malformed("unexpected EOF");
    this.at += 1;
    return byte;
  }
}

/** The error for bytes that are no message, in the words of gRPC's Go library. */
export function malformed(what: string): StoreError {
  return new StoreError("internal", `grpc: error unmarshalling request: ${what}`);
}

/**
 * Writes from the last byte to the first: the length of a nested message is known when it is time to write it, so one
 * pass without copying does. Whoever writes calls in reverse order.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(256);
  #at = 256;
  /** What was cut off, the last of the bytes first. */
  readonly #pieces: Buffer[] = [];
  #cutBytes = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#cutBytes + this.uncutLength;
  }

  /** Bytes written since the last cut. */
  get uncutLength(): number {
    return this.#bytes.length - this.#at;
  }

  /** All that was written, where nothing was cut. */
  finish(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  /** Begins a new piece, so that what is there need not be moved when there is more. */
  cut(): void {
    const piece = this.finish();
    this.#pieces.push(piece);
    this.#cutBytes += piece.length;
    this.#bytes = Buffer.allocUnsafe(this.#bytes.length);
    this.#at = this.#bytes.length;
  }

  /** All that was written, in the pieces into which it was cut. */
  finishPieces(): readonly Buffer[] {
    return [this.finish(), ...this.#pieces.toReversed()];
  }

  varint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    if (rest <= 0x7fffffffn) {
      this.size(Number(rest));
      return;
    }
    const groups: number[] = [];
    for (; rest > 0x7fn; rest >>= 7n) groups.push(Number(rest & 0x7fn) | 0x80);
    groups.push(Number(rest));
    this.raw(Uint8Array.from(groups));
  }

  /** A varint of a number below 2^31. */
  size(value: number): void {
    const length = value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
    let at = this.#reserve(length);
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at] = rest;
  }

  raw(bytes: Uint8Array): void {
    // Making room may replace the buffer, so it comes first.
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  tag(field: number, type: WireType): void {
    this.size((field << 3) | type);
  }

  #reserve(length: number): number {
    if (this.#at < length) this.#grow(length);
    this.#at -= length;
    return this.#at;
  }

  #grow(length: number): void {
    const used = this.uncutLength;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, used + length + 64));
    larger.set(this.finish(), larger.length - used);
    this.#bytes = larger;
    this.#at = larger.length - used;
  }
}
