/** What can be said against a request by looking at it alone, in the order in which etcd says it (v3rpc/key.go). */
import type { DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest } from "../store.ts";
import { refusal } from "./etcd-errors.ts";
import { inRange, type KeyRange, keyRange, toIndexKey } from "./key-range.ts";

export const TXN_OPERATIONS_MAX = 128;
/** Etcd's --max-request-bytes. */
export const REQUEST_BYTES_MAX = 1_572_864;
/** Etcd lets requests be this much longer on the wire before it stops reading them. */
export const REQUEST_OVERHEAD_BYTES = 512 * 1024;

export function checkRange(request: RangeRequest | DeleteRangeRequest): void {
  if (request.key.length === 0) throw refusal("empty-key");
}

export function checkPut(request: PutRequest): void {
  checkPutFields(request);
  checkSize(putBytes(request));
}

function checkPutFields(request: PutRequest): void {
  if (request.key.length === 0) throw refusal("empty-key");
  if (request.ignoreValue && request.value.length > 0) throw refusal("value-provided");
  if (request.ignoreLease && (request.lease ?? 0n) !== 0n) throw refusal("lease-provided");
}

export function checkTxn(request: TxnRequest): void {
  checkTxnFields(request, TXN_OPERATIONS_MAX);
  collectWrites(request.success);
  collectWrites(request.failure);
  checkSize(txnBytes(request));
}

/** True when neither branch can write; such a transaction needs no place in the order of writes. */
export function isReadOnly(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].every((op) => op.kind === "range");
}

function checkSize(bytes: number): void {
  if (bytes > REQUEST_BYTES_MAX) throw refusal("request-too-large");
}

function putBytes(request: PutRequest): number {
  return request.key.length + request.value.length;
}

/** The bytes of keys and values; a request over the network is also measured as it came in. */
function txnBytes(request: TxnRequest): number {
  let bytes = 0;
  for (const op of [...request.success, ...request.failure]) {
    if (op.kind === "put") bytes += putBytes(op.request);
    if (op.kind === "txn") bytes += txnBytes(op.request);
  }
  return bytes;
}

/** A nested transaction may have as many operations as the outer one leaves over. */
function checkTxnFields(request: TxnRequest, operationsMax: number): void {
  const operations = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (operations > operationsMax) throw refusal("too-many-operations");
  if (request.compare.some((compare) => compare.key.length === 0)) throw refusal("empty-key");
  for (const op of [...request.success, ...request.failure]) checkOp(op, operationsMax - operations);
}

function checkOp(op: RequestOp, operationsMax: number): void {
  switch (op.kind) {
    case "range":
    case "delete-range":
      checkRange(op.request);
      break;
    case "put":
      checkPutFields(op.request);
      break;
    case "txn":
      checkTxnFields(op.request, operationsMax);
  }
}

interface Writes {
  readonly puts: Set<string>;
  readonly deletes: KeyRange[];
}

/**
 * The keys a branch puts and the ranges it deletes, those of nested transactions included.
 * @throws StoreError when a key could be written twice in one revision; the two branches of one nested transaction
 *   may write the same key, because only one of them runs.
 */
function collectWrites(ops: readonly RequestOp[]): Writes {
  const writes: Writes = { puts: new Set(), deletes: [] };
  for (const op of ops) if (op.kind === "delete-range") writes.deletes.push(keyRange(op.request));
  for (const op of ops) if (op.kind === "txn") addNested(writes, op.request);
  for (const op of ops) if (op.kind === "put") addPut(writes, toIndexKey(op.request.key));
  return writes;
}

function addNested(writes: Writes, request: TxnRequest): void {
  const success = collectWrites(request.success);
  const failure = collectWrites(request.failure);
  for (const key of success.puts) addPut(writes, key);
  for (const key of failure.puts) if (!success.puts.has(key)) addPut(writes, key);
  writes.deletes.push(...success.deletes, ...failure.deletes);
}

function addPut(writes: Writes, key: string): void {
  if (writes.puts.has(key) || writes.deletes.some((range) => inRange(range, key))) {
    throw refusal("duplicate-key");
  }
  writes.puts.add(key);
}
