/**
 * The messages of etcd's v3 API (etcd, api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto), named and shaped as the
 * store's own requests and answers wherever they say the same, so that most need no translation.
 */
import { refusal } from "../mvcc/etcd-errors.ts";
import {
  type Compare,
  type RequestOp,
  type ResponseOp,
  StoreError,
  type TxnRequest,
  type TxnResponse,
} from "../store.ts";
import {
  bytes,
  bytesList,
  type Codec,
  choice,
  choices,
  count,
  flag,
  int64,
  mapped,
  message,
  messages,
  optional,
  present,
  text,
  texts,
  uint64,
} from "./message.ts";

export const header = message({
  clusterId: uint64(1),
  memberId: uint64(2),
  revision: int64(3),
  raftTerm: uint64(4),
});

export const keyValue = message({
  key: bytes(1),
  createRevision: int64(2),
  modRevision: int64(3),
  version: int64(4),
  value: bytes(5),
  lease: int64(6),
});

export const rangeRequest = message({
  key: bytes(1),
  rangeEnd: bytes(2),
  limit: count(3),
  revision: int64(4),
  sortOrder: choice(5, "none", "ascend", "descend"),
  sortTarget: choice(6, "key", "version", "create", "mod", "value"),
  serializable: flag(7),
  keysOnly: flag(8),
  countOnly: flag(9),
  minModRevision: int64(10),
  maxModRevision: int64(11),
  minCreateRevision: int64(12),
  maxCreateRevision: int64(13),
});
export const rangeResponse = message({
  header: present(1, header),
  kvs: messages(2, keyValue),
  more: flag(3),
  count: count(4),
});

export const putRequest = message({
  key: bytes(1),
  value: bytes(2),
  lease: int64(3),
  prevKv: flag(4),
  ignoreValue: flag(5),
  ignoreLease: flag(6),
});
export const putResponse = message({ header: present(1, header), prevKv: optional(2, keyValue) });

export const deleteRangeRequest = message({ key: bytes(1), rangeEnd: bytes(2), prevKv: flag(3) });
export const deleteRangeResponse = message({
  header: present(1, header),
  deleted: count(2),
  prevKvs: messages(3, keyValue),
});

/** Of the five values, the one that `target` names counts; a value of bytes may be absent, which means empty. */
const wireCompare = message({
  result: choice(1, "equal", "greater", "less", "not-equal"),
  target: choice(2, "version", "create", "mod", "value", "lease"),
  key: bytes(3),
  version: int64(4),
  create: int64(5),
  mod: int64(6),
  value: bytes(7),
  lease: int64(8),
  rangeEnd: bytes(64),
});
const compare: Codec<Compare> = mapped(
  wireCompare,
  ({ result, target, key, rangeEnd, ...values }): Compare =>
    target === "value"
      ? { result, target, key, rangeEnd, value: values.value }
      : { result, target, key, rangeEnd, value: values[target] },
  (guard: Compare) => ({
    result: guard.result,
    target: guard.target,
    key: guard.key,
    rangeEnd: guard.rangeEnd,
    [guard.target]: guard.value,
  }),
);

const wireRequestOp = message({
  range: optional(1, rangeRequest),
  put: optional(2, putRequest),
  deleteRange: optional(3, deleteRangeRequest),
  txn: optional(4, (): Codec<TxnRequest> => txnRequest),
});
/** An operation that names nothing reads as undefined; etcd refuses it. */
const requestOp: Codec<RequestOp | undefined, RequestOp> = mapped(
  wireRequestOp,
  ({ range, put, deleteRange, txn }): RequestOp | undefined => {
    if (range !== undefined) return { kind: "range", request: range };
    if (put !== undefined) return { kind: "put", request: put };
    if (deleteRange !== undefined) return { kind: "delete-range", request: deleteRange };
    return txn === undefined ? undefined : { kind: "txn", request: txn };
  },
  (op: RequestOp) => {
    switch (op.kind) {
      case "range":
        return { range: op.request };
      case "put":
        return { put: op.request };
      case "delete-range":
        return { deleteRange: op.request };
      case "txn":
        return { txn: op.request };
    }
  },
);
export const txnRequest: Codec<TxnRequest> = mapped(
  message({
    compare: messages(1, compare),
    success: messages(2, requestOp),
    failure: messages(3, requestOp),
  }),
  ({ compare: guards, success, failure }) => ({
    compare: guards,
    success: known(success),
    failure: known(failure),
  }),
  (txn: TxnRequest) => txn,
);

function known(ops: readonly (RequestOp | undefined)[]): RequestOp[] {
  return ops.map((op) => {
    if (op === undefined) throw refusal("key-not-found");
    return op;
  });
}

const wireResponseOp = message({
  range: optional(1, rangeResponse),
  put: optional(2, putResponse),
  deleteRange: optional(3, deleteRangeResponse),
  txn: optional(4, (): Codec<TxnResponse> => txnResponse),
});
const responseOp: Codec<ResponseOp> = mapped(
  wireResponseOp,
  ({ range, put, deleteRange, txn }): ResponseOp => {
    if (range !== undefined) return { kind: "range", response: range };
    if (put !== undefined) return { kind: "put", response: put };
    if (deleteRange !== undefined) return { kind: "delete-range", response: deleteRange };
    if (txn !== undefined) return { kind: "txn", response: txn };
    throw new StoreError("internal", "the store answered an operation with nothing");
  },
  (op: ResponseOp) => {
    switch (op.kind) {
      case "range":
        return { range: op.response };
      case "put":
        return { put: op.response };
      case "delete-range":
        return { deleteRange: op.response };
      case "txn":
        return { txn: op.response };
    }
  },
);
export const txnResponse = message({
  header: present(1, header),
  succeeded: flag(2),
  responses: messages(3, responseOp),
});

export const compactRequest = message({ revision: int64(1), physical: flag(2) });
/** The answer of every call that says no more than that it was done. */
export const headerResponse = message({ header: present(1, header) });
export const emptyRequest = message({});

export const leaseGrantRequest = message({ ttlS: count(1), id: int64(2) });
export const leaseGrantResponse = message({
  header: present(1, header),
  id: int64(2),
  ttlS: count(3),
  error: text(4),
});
export const leaseRevokeRequest = message({ id: int64(1) });
export const leaseKeepAliveRequest = message({ id: int64(1) });
export const leaseKeepAliveResponse = message({ header: present(1, header), id: int64(2), ttlS: count(3) });
export const leaseTimeToLiveRequest = message({ id: int64(1), keys: flag(2) });
export const leaseTimeToLiveResponse = message({
  header: present(1, header),
  id: int64(2),
  ttlS: count(3),
  grantedTtlS: count(4),
  keys: bytesList(5),
});
export const leaseLeasesResponse = message({
  header: present(1, header),
  leases: messages(2, message({ id: int64(1) })),
});

const watchCreateRequest = message({
  key: bytes(1),
  rangeEnd: bytes(2),
  startRevision: int64(3),
  progressNotify: flag(4),
  filters: choices(5, "no-put", "no-delete"),
  prevKv: flag(6),
  watchId: int64(7),
  fragment: flag(8),
});
/** Exactly one of the three stands. */
export const watchRequest = message({
  create: optional(1, watchCreateRequest),
  cancel: optional(2, message({ watchId: int64(1) })),
  progress: optional(3, message({})),
});
const event = message({
  type: choice(1, "put", "delete"),
  kv: present(2, keyValue),
  prevKv: optional(3, keyValue),
});
export const watchResponse = message({
  header: present(1, header),
  watchId: int64(2),
  created: flag(3),
  canceled: flag(4),
  compactRevision: int64(5),
  cancelReason: text(6),
  fragment: flag(7),
  events: messages(11, event),
});

export const member = message({
  id: uint64(1),
  name: text(2),
  peerUrls: texts(3),
  clientUrls: texts(4),
  isLearner: flag(5),
});
export const memberListResponse = message({ header: present(1, header), members: messages(2, member) });
export const statusResponse = message({
  header: present(1, header),
  version: text(2),
  dbSize: count(3),
  leader: uint64(4),
  raftIndex: uint64(5),
  raftTerm: uint64(6),
  raftAppliedIndex: uint64(7),
  errors: texts(8),
  dbSizeInUse: count(9),
  isLearner: flag(10),
});
