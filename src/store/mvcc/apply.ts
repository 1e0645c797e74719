/**
 * Carrying out writes on the state, as etcd does (etcdserver/apply.go). Each function runs within one write of the
 * state; what depends on the state is checked before anything is changed. A transaction that only reads is carried out
 * as well, outside of any write.
 */
import type {
  Compare,
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from "../store.ts";
import { refusal } from "./etcd-errors.ts";
import { keyRange, toIndexKey } from "./key-range.ts";
import { readRange, toKeyValues } from "./read.ts";
import type { VersionRecord } from "./record.ts";
import type { MvccState } from "./state.ts";
import { STEP_ENTRIES, type Steps } from "./steps.ts";
import { StoredKeyValue } from "./stored-key-value.ts";

export function applyPut(state: MvccState, request: PutRequest): PutResponse {
  // Within a transaction etcd looks at the two the other way round.
  checkLease(state, request);
  checkKey(state, request);
  return put(state, request);
}

function checkKey(state: MvccState, request: PutRequest): void {
  const needsKey = request.ignoreValue || request.ignoreLease;
  if (needsKey && current(state, request) === undefined) throw refusal("key-not-found");
}

function checkLease(state: MvccState, request: PutRequest): void {
  const lease = request.lease ?? 0n;
  if (lease !== 0n && state.leases.get(lease) === undefined) throw refusal("lease-not-found");
}

function current(state: MvccState, request: PutRequest): VersionRecord | undefined {
  return state.get(toIndexKey(request.key), state.workRevision);
}

function put(state: MvccState, request: PutRequest): PutResponse {
  const asksPrevious = request.prevKv || request.ignoreValue || request.ignoreLease;
  const previous = asksPrevious ? current(state, request) : undefined;
  const value = request.ignoreValue && previous !== undefined ? previous.value : request.value;
  const lease = request.ignoreLease && previous !== undefined ? previous.lease : (request.lease ?? 0n);
  state.put(request.key, value, lease);
  const header = { revision: BigInt(state.workRevision) };
  return request.prevKv && previous !== undefined
    ? { header, prevKv: new StoredKeyValue(previous) }
    : { header };
}

export function* applyDeleteRange(state: MvccState, request: DeleteRangeRequest): Steps<DeleteRangeResponse> {
  const doomed: VersionRecord[] = [];
  for (const versions of state.range(keyRange(request), state.workRevision)) {
    doomed.push(...versions);
    yield;
  }
  for (const [at, version] of doomed.entries()) {
    state.delete(version);
    if (at % STEP_ENTRIES === 0) yield;
  }
  return {
    header: { revision: BigInt(state.workRevision) },
    deleted: doomed.length,
    prevKvs: request.prevKv ? yield* toKeyValues(doomed, false) : [],
  };
}

/** A transaction whose guards have been evaluated, nested ones included, before any operation has run. */
interface Decided {
  readonly succeeded: boolean;
  readonly ops: readonly DecidedOp[];
}

type DecidedOp = Exclude<RequestOp, { kind: "txn" }> | { readonly kind: "txn"; readonly decided: Decided };

/** @param now the revision it works at, which its own writes raise. */
export function* applyTxn(state: MvccState, request: TxnRequest, now: () => number): Steps<TxnResponse> {
  const decided = yield* decide(state, request, now());
  const ops = [...flatten(decided)];
  for (const op of ops) {
    if (op.kind !== "put") continue;
    checkKey(state, op.request);
    checkLease(state, op.request);
  }
  for (const op of ops) {
    const asked = op.kind === "range" ? (op.request.revision ?? 0n) : 0n;
    if (asked > 0n) state.checkRevision(Number(asked), now());
  }
  const responses = yield* runAll(state, decided, now);
  return { header: { revision: BigInt(now()) }, succeeded: decided.succeeded, responses };
}

function* decide(state: MvccState, request: TxnRequest, revision: number): Steps<Decided> {
  const succeeded = yield* allHold(state, request.compare, revision);
  const ops: DecidedOp[] = [];
  for (const op of succeeded ? request.success : request.failure) {
    ops.push(op.kind === "txn" ? { kind: "txn", decided: yield* decide(state, op.request, revision) } : op);
  }
  return { succeeded, ops };
}

function* allHold(state: MvccState, guards: readonly Compare[], revision: number): Steps<boolean> {
  for (const guard of guards) if (!(yield* holds(state, guard, revision))) return false;
  return true;
}

function* flatten(decided: Decided): Generator<Exclude<RequestOp, { kind: "txn" }>, void, undefined> {
  for (const op of decided.ops) {
    if (op.kind === "txn") yield* flatten(op.decided);
    else yield op;
  }
}

function* runAll(state: MvccState, decided: Decided, now: () => number): Steps<ResponseOp[]> {
  const responses: ResponseOp[] = [];
  for (const op of decided.ops) responses.push(yield* run(state, op, now));
  return responses;
}

function* run(state: MvccState, op: DecidedOp, now: () => number): Steps<ResponseOp> {
  switch (op.kind) {
    case "range":
      return { kind: "range", response: yield* readRange(state, op.request, now()) };
    case "put":
      return { kind: "put", response: put(state, op.request) };
    case "delete-range":
      return { kind: "delete-range", response: yield* applyDeleteRange(state, op.request) };
    case "txn": {
      const { succeeded } = op.decided;
      // Etcd leaves the header of a nested answer empty.
      const responses = yield* runAll(state, op.decided, now);
      return { kind: "txn", response: { header: { revision: 0n }, succeeded, responses } };
    }
  }
}

/** A guard over a range holds when it does for every key; over no key at all, when it does for a missing key. */
function* holds(state: MvccState, compare: Compare, revision: number): Steps<boolean> {
  let any = false;
  for (const versions of state.range(keyRange(compare), revision)) {
    any ||= versions.length > 0;
    if (!versions.every((version) => holdsFor(compare, version))) return false;
    // One key, which is what is guarded most, is looked at in one step.
    if (versions.length > 1) yield;
  }
  return any || holdsFor(compare, undefined);
}

function holdsFor(compare: Compare, version: VersionRecord | undefined): boolean {
  if (compare.target === "value") {
    return version !== undefined && accepts(compare.result, Buffer.compare(version.value, compare.value));
  }
  const actual = version === undefined ? 0n : numberOf(compare.target, version);
  return accepts(compare.result, actual < compare.value ? -1 : actual > compare.value ? 1 : 0);
}

function numberOf(target: "version" | "create" | "mod" | "lease", version: VersionRecord): bigint {
  switch (target) {
    case "version":
      return BigInt(version.version);
    case "create":
      return BigInt(version.createRevision);
    case "mod":
      return BigInt(version.modRevision);
    case "lease":
      return version.lease;
  }
}

function accepts(result: Compare["result"], order: number): boolean {
  switch (result) {
    case "equal":
      return order === 0;
    case "not-equal":
      return order !== 0;
    case "greater":
      return order > 0;
    case "less":
      return order < 0;
  }
}
