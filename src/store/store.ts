/**
 * The store: an ordered key space with etcd v3's semantics (https://etcd.io/docs/v3.5/learning/api/).
 *
 * This file owns the interface. Implementations: embedded/ (this machine's own), etcd/ (a client of the v3 gRPC
 * API, which speaks to another machine's embedded store as well as to a real etcd) and memory.ts (the fake).
 * One contract suite, test/contract/store.ts, runs against each of them. Nothing outside store/ and daemon/ may
 * know which one it holds.
 *
 * Keys and values are bytes; ranges are half open, [key, rangeEnd). Revisions and lease IDs are 64-bit and
 * therefore bigint. Failures are {@link StoreError}, with etcd's own status code and text.
 */

export type Bytes = Uint8Array;
export type Revision = bigint;
export type LeaseId = bigint;

/** Ask it for its fields: a copy made with `...` may have none, since a store may look each up when it is asked for. */
export interface KeyValue {
  readonly key: Bytes;
  readonly value: Bytes;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** Number of writes since the key was created; 1 for a new key. */
  readonly version: bigint;
  /** The lease the key hangs on; 0 for none. */
  readonly lease: LeaseId;
}

/** What every answer begins with: the store's revision when it was made. */
export interface Header {
  readonly revision: Revision;
  /**
   * Whose revisions these are: a store that was promoted or restored has another ID, and its revisions another past.
   * Always there in the answers of `range` and in what a watch yields; absent in the answers inside a transaction's.
   */
  readonly clusterId?: bigint | undefined;
}

export type SortTarget = "key" | "version" | "create" | "mod" | "value";

export interface RangeRequest {
  readonly key: Bytes;
  /** Absent: the one key. A single zero byte: every key from `key` on. */
  readonly rangeEnd?: Bytes;
  /** 0 or absent: no limit. */
  readonly limit?: number;
  /** Read as of this revision; absent or 0: the current one. */
  readonly revision?: Revision;
  readonly sortOrder?: "none" | "ascend" | "descend";
  readonly sortTarget?: SortTarget;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly serializable?: boolean;
  readonly minModRevision?: Revision;
  readonly maxModRevision?: Revision;
  readonly minCreateRevision?: Revision;
  readonly maxCreateRevision?: Revision;
}

export interface RangeResponse {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  /** True when `limit` cut the answer. */
  readonly more: boolean;
  /** Keys in the range, whatever the limit and the revision filters. */
  readonly count: number;
}

export interface PutRequest {
  readonly key: Bytes;
  readonly value: Bytes;
  readonly lease?: LeaseId;
  readonly prevKv?: boolean;
  readonly ignoreValue?: boolean;
  readonly ignoreLease?: boolean;
}

export interface PutResponse {
  readonly header: Header;
  readonly prevKv?: KeyValue;
}

export interface DeleteRangeRequest {
  readonly key: Bytes;
  readonly rangeEnd?: Bytes;
  readonly prevKv?: boolean;
}

export interface DeleteRangeResponse {
  readonly header: Header;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

/** A guard of a transaction. A missing key counts as 0 for numbers; a value comparison on it is never true. */
export type Compare = {
  readonly key: Bytes;
  /** All keys of the range must pass. */
  readonly rangeEnd?: Bytes;
  readonly result: "equal" | "greater" | "less" | "not-equal";
} & (
  | { readonly target: "version" | "create" | "mod" | "lease"; readonly value: bigint }
  | { readonly target: "value"; readonly value: Bytes }
);

export type RequestOp =
  | { readonly kind: "range"; readonly request: RangeRequest }
  | { readonly kind: "put"; readonly request: PutRequest }
  | { readonly kind: "delete-range"; readonly request: DeleteRangeRequest }
  | { readonly kind: "txn"; readonly request: TxnRequest };

export interface TxnRequest {
  /** All must hold for `success` to run. */
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export type ResponseOp =
  | { readonly kind: "range"; readonly response: RangeResponse }
  | { readonly kind: "put"; readonly response: PutResponse }
  | { readonly kind: "delete-range"; readonly response: DeleteRangeResponse }
  | { readonly kind: "txn"; readonly response: TxnResponse };

export interface TxnResponse {
  readonly header: Header;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export interface WatchRequest {
  readonly key: Bytes;
  readonly rangeEnd?: Bytes;
  /** First revision to report; absent or 0: from now on. */
  readonly startRevision?: Revision;
  readonly prevKv?: boolean;
  readonly progressNotify?: boolean;
  readonly filters?: readonly ("no-put" | "no-delete")[];
}

export interface StoreEvent {
  readonly type: "put" | "delete";
  /** For a delete only key and modRevision mean anything. */
  readonly kv: KeyValue;
  readonly prevKv?: KeyValue;
}

/**
 * What a watch yields. `created` comes first, once, before any event. All events of one revision come in one batch.
 * `header.revision` of an event batch may be ahead of its events: resume from the last event's modRevision + 1.
 */
export type WatchResponse =
  | { readonly kind: "created"; readonly header: Header }
  | { readonly kind: "events"; readonly header: Header; readonly events: readonly StoreEvent[] }
  | { readonly kind: "progress"; readonly header: Header };

export interface LeaseGrant {
  readonly id: LeaseId;
  /** Seconds the server chose, at least those asked for. */
  readonly ttlS: number;
}

export interface LeaseTimeToLive {
  readonly id: LeaseId;
  /** Whole seconds left; -1 when there is no such lease. */
  readonly ttlS: number;
  readonly grantedTtlS: number;
  readonly keys: readonly Bytes[];
}

/** How a call may be ended from outside. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds the call may take in all, tries on other members included; a store in this process needs none. */
  readonly timeoutMs?: number;
}

export interface Store {
  range(request: RangeRequest, options?: CallOptions): Promise<RangeResponse>;
  put(request: PutRequest, options?: CallOptions): Promise<PutResponse>;
  deleteRange(request: DeleteRangeRequest, options?: CallOptions): Promise<DeleteRangeResponse>;
  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse>;
  /** Forgets what is older than `revision`, keeping the newest value of each live key. */
  compact(revision: Revision, options?: CallOptions): Promise<Header>;
  /**
   * Follows a range until the signal is aborted, which ends the iteration without an error.
   * @throws CompactedError when `startRevision` has been compacted; StoreError when the connection is lost.
   */
  watch(request: WatchRequest, options: { readonly signal: AbortSignal }): AsyncIterable<WatchResponse>;
  /** @param id 0 or absent: the store picks one. */
  leaseGrant(
    request: { readonly ttlS: number; readonly id?: LeaseId },
    options?: CallOptions,
  ): Promise<LeaseGrant>;
  /** Deletes every key that hangs on the lease, in one revision. */
  leaseRevoke(id: LeaseId, options?: CallOptions): Promise<Header>;
  /** Sets the lease's full time again; answers the seconds granted, 0 when the lease is gone. */
  leaseKeepAlive(id: LeaseId, options?: CallOptions): Promise<number>;
  leaseTimeToLive(id: LeaseId, withKeys: boolean, options?: CallOptions): Promise<LeaseTimeToLive>;
  leaseList(options?: CallOptions): Promise<readonly LeaseId[]>;
  /** Ends every watch and connection; for the embedded store, after the last commit is on disk. */
  close(): Promise<void>;
}

/** gRPC status codes the store answers with (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const STORE_STATUS = {
  cancelled: 1,
  unknown: 2,
  "invalid-argument": 3,
  "deadline-exceeded": 4,
  "not-found": 5,
  "permission-denied": 7,
  "resource-exhausted": 8,
  "failed-precondition": 9,
  "out-of-range": 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  "data-loss": 15,
  unauthenticated: 16,
} as const;

export type StoreStatus = keyof typeof STORE_STATUS;

/** A refusal or a loss of the store; `message` is etcd's own text, which etcd clients match on. */
export class StoreError extends Error {
  readonly status: StoreStatus;

  constructor(status: StoreStatus, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StoreError";
    this.status = status;
  }

  /** True when the same call may succeed later: the store was away, not unwilling. */
  get retryable(): boolean {
    return this.status === "unavailable" || this.status === "deadline-exceeded";
  }
}

/** The revision asked for has been compacted; whoever follows the range must list it again. */
export class CompactedError extends StoreError {
  readonly compactRevision: Revision;

  constructor(compactRevision: Revision) {
    super("out-of-range", "etcdserver: mvcc: required revision has been compacted");
    this.name = "CompactedError";
    this.compactRevision = compactRevision;
  }
}
