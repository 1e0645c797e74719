/**
 * Carrying out writes on the state, as etcd does (etcdserver/apply.go). Each function runs within one write of the
 * state; what depends on the state is checked before anything is changed.
 */
import type {
  Compare,
  DeleteRangeRequest,
  DeleteRangeResponse,
  KeyValue,
  PutRequest,
  PutResponse,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from "../store.ts";
import { refusal } from "./etcd-errors.ts";
import { keyRange, toIndexKey } from "./key-range.ts";
import { readRange } from "./read.ts";
import type { MvccState } from "./state.ts";

export function applyPut(state: MvccState, request: PutRequest): PutResponse {
  // Within a transaction etcd looks at the two the other way round.
  checkLease(state, request);
  checkKey(state, request);
  return put(state, request);
}

function checkKey(state: MvccState, request: PutRequest): void {
  const needsKey = request.ignoreValue || request.ignoreLease;
  if (needsKey && state.get(toIndexKey(request.key)) === undefined) throw refusal("key-not-found");
}

function checkLease(state: MvccState, request: PutRequest): void {
  const lease = request.lease ?? 0n;
  if (lease !== 0n && state.leases.get(lease) === undefined) throw refusal("lease-not-found");
}

function put(state: MvccState, request: PutRequest): PutResponse {
  const previous = state.get(toIndexKey(request.key));
  const value = request.ignoreValue && previous !== undefined ? previous.value : request.value;
  const lease = request.ignoreLease && previous !== undefined ? previous.lease : (request.lease ?? 0n);
  state.put(request.key, value, lease);
  const header = { revision: state.readRevision };
  return request.prevKv && previous !== undefined ? { header, prevKv: previous } : { header };
}

export function applyDeleteRange(state: MvccState, request: DeleteRangeRequest): DeleteRangeResponse {
  const doomed = [...state.range(keyRange(request))];
  for (const kv of doomed) state.delete(kv);
  return {
    header: { revision: state.readRevision },
    deleted: doomed.length,
    prevKvs: request.prevKv ? doomed : [],
  };
}

/** A transaction whose guards have been evaluated, nested ones included, before any operation has run. */
interface Decided {
  readonly succeeded: boolean;
  readonly ops: readonly DecidedOp[];
}

type DecidedOp = Exclude<RequestOp, { kind: "txn" }> | { readonly kind: "txn"; readonly decided: Decided };

export function applyTxn(state: MvccState, request: TxnRequest): TxnResponse {
  const decided = decide(state, request);
  const ops = [...flatten(decided)];
  for (const op of ops) {
    if (op.kind !== "put") continue;
    checkKey(state, op.request);
    checkLease(state, op.request);
  }
  for (const op of ops) {
    if (op.kind === "range" && (op.request.revision ?? 0n) > 0n) {
      state.checkRevision(op.request.revision ?? 0n);
    }
  }
  const responses = runAll(state, decided);
  return { header: { revision: state.readRevision }, succeeded: decided.succeeded, responses };
}

function decide(state: MvccState, request: TxnRequest): Decided {
  const succeeded = request.compare.every((compare) => holds(state, compare));
  const ops = (succeeded ? request.success : request.failure).map(
    (op): DecidedOp => (op.kind === "txn" ? { kind: "txn", decided: decide(state, op.request) } : op),
  );
  return { succeeded, ops };
}

function* flatten(decided: Decided): Generator<Exclude<RequestOp, { kind: "txn" }>, void, undefined> {
  for (const op of decided.ops) {
    if (op.kind === "txn") yield* flatten(op.decided);
    else yield op;
  }
}

function runAll(state: MvccState, decided: Decided): ResponseOp[] {
  return decided.ops.map((op) => run(state, op));
}

function run(state: MvccState, op: DecidedOp): ResponseOp {
  switch (op.kind) {
    case "range":
      return { kind: "range", response: readRange(state, op.request) };
    case "put":
      return { kind: "put", response: put(state, op.request) };
    case "delete-range":
      return { kind: "delete-range", response: applyDeleteRange(state, op.request) };
    case "txn": {
      const { succeeded } = op.decided;
      // Etcd leaves the header of a nested answer empty.
      const response = { header: { revision: 0n }, succeeded, responses: runAll(state, op.decided) };
      return { kind: "txn", response };
    }
  }
}

/** A guard over a range holds when it does for every key; over no key at all, when it does for a missing key. */
function holds(state: MvccState, compare: Compare): boolean {
  let any = false;
  for (const kv of state.range(keyRange(compare))) {
    any = true;
    if (!holdsFor(compare, kv)) return false;
  }
  return any || holdsFor(compare, undefined);
}

function holdsFor(compare: Compare, kv: KeyValue | undefined): boolean {
  if (compare.target === "value") {
    return kv !== undefined && accepts(compare.result, Buffer.compare(kv.value, compare.value));
  }
  const actual = kv === undefined ? 0n : numberOf(compare.target, kv);
  return accepts(compare.result, actual < compare.value ? -1 : actual > compare.value ? 1 : 0);
}

function numberOf(target: "version" | "create" | "mod" | "lease", kv: KeyValue): bigint {
  switch (target) {
    case "version":
      return kv.version;
    case "create":
      return kv.createRevision;
    case "mod":
      return kv.modRevision;
    case "lease":
      return kv.lease;
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
