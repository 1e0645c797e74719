/**
 * The store that the parts of the daemon hold, whichever it is at the moment.
 *
 * After a switch every call goes to the new one. Watches of the old one end as it is closed; whoever resumes them
 * finds by the cluster ID in the answers that revisions now mean something else, and lists again.
 */
import type {
  CallOptions,
  DeleteRangeRequest,
  DeleteRangeResponse,
  Header,
  LeaseGrant,
  LeaseId,
  LeaseTimeToLive,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  Revision,
  Store,
  TxnRequest,
  TxnResponse,
  WatchRequest,
  WatchResponse,
} from "#store/store.ts";

export class SwitchableStore implements Store {
  #current: Store;

  constructor(store: Store) {
    this.#current = store;
  }

  /** From now on this is the store. The caller closes the one before. */
  switchTo(store: Store): void {
    this.#current = store;
  }

  range(request: RangeRequest, options?: CallOptions): Promise<RangeResponse> {
    return this.#current.range(request, options);
  }

  put(request: PutRequest, options?: CallOptions): Promise<PutResponse> {
    return this.#current.put(request, options);
  }

  deleteRange(request: DeleteRangeRequest, options?: CallOptions): Promise<DeleteRangeResponse> {
    return this.#current.deleteRange(request, options);
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse> {
    return this.#current.txn(request, options);
  }

  compact(revision: Revision, options?: CallOptions): Promise<Header> {
    return this.#current.compact(revision, options);
  }

  watch(request: WatchRequest, options: { readonly signal: AbortSignal }): AsyncIterable<WatchResponse> {
    return this.#current.watch(request, options);
  }

  leaseGrant(
    request: { readonly ttlS: number; readonly id?: LeaseId },
    options?: CallOptions,
  ): Promise<LeaseGrant> {
    return this.#current.leaseGrant(request, options);
  }

  leaseRevoke(id: LeaseId, options?: CallOptions): Promise<Header> {
    return this.#current.leaseRevoke(id, options);
  }

  leaseKeepAlive(id: LeaseId, options?: CallOptions): Promise<number> {
    return this.#current.leaseKeepAlive(id, options);
  }

  leaseTimeToLive(id: LeaseId, withKeys: boolean, options?: CallOptions): Promise<LeaseTimeToLive> {
    return this.#current.leaseTimeToLive(id, withKeys, options);
  }

  leaseList(options?: CallOptions): Promise<readonly LeaseId[]> {
    return this.#current.leaseList(options);
  }

  close(): Promise<void> {
    return this.#current.close();
  }
}
