/** Short forms of the operations and guards that the loops put their transactions together from. */
import { toBytes } from "./keys.ts";
import type { Compare, LeaseId, RequestOp, Revision } from "./store.ts";

/** @param lease the lease the key shall hang on; 0 or absent for none. */
export function putJson(key: string, value: unknown, lease: LeaseId = 0n): RequestOp {
  return { kind: "put", request: { key: toBytes(key), value: toBytes(JSON.stringify(value)), lease } };
}

export function putBytes(key: string, value: Uint8Array, lease: LeaseId = 0n): RequestOp {
  return { kind: "put", request: { key: toBytes(key), value, lease } };
}

export function deleteKey(key: string): RequestOp {
  return { kind: "delete-range", request: { key: toBytes(key) } };
}

/** Holds while the key has not been written since `revision`. */
export function ifModRevision(key: string, revision: Revision): Compare {
  return { key: toBytes(key), target: "mod", result: "equal", value: revision };
}

/** Holds while the key is the one created at `revision`, whatever has been written to it since. */
export function ifCreateRevision(key: string, revision: Revision): Compare {
  return { key: toBytes(key), target: "create", result: "equal", value: revision };
}

export function ifMissing(key: string): Compare {
  return ifCreateRevision(key, 0n);
}

export function ifExists(key: string): Compare {
  return { key: toBytes(key), target: "create", result: "greater", value: 0n };
}

/** Cuts a list into pieces of at most `size`; transactions hold a limited number of operations. */
export function chunk<T>(items: readonly T[], size: number): T[][] {
  const pieces: T[][] = [];
  for (let at = 0; at < items.length; at += size) pieces.push(items.slice(at, at + size));
  return pieces;
}
