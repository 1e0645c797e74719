/**
 * Keys as the index holds them: strings with one character a byte, so that comparing strings compares bytes.
 * A range is half open; one key is the range up to that key with a zero byte added, the next possible key.
 */
import type { Bytes } from "../store.ts";

export interface KeyRange {
  readonly from: string;
  /** Undefined: to the last key. */
  readonly to: string | undefined;
}

/** The bytes as a string that sorts and compares as they do. */
export function toIndexKey(bytes: Bytes): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1");
}

/** The range a request means by its two ends (etcd's rules for an absent end and for a single zero byte). */
export function keyRange(request: { readonly key: Bytes; readonly rangeEnd?: Bytes }): KeyRange {
  const from = toIndexKey(request.key);
  const end = request.rangeEnd;
  if (end === undefined || end.length === 0) return { from, to: `${from}\0` };
  if (end.length === 1 && end[0] === 0) return { from, to: undefined };
  return { from, to: toIndexKey(end) };
}

export function inRange(range: KeyRange, key: string): boolean {
  return key >= range.from && (range.to === undefined || key < range.to);
}
