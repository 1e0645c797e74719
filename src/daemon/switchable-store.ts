/**
 * The store that the parts of the daemon hold, whichever it is at the moment.
 *
 * After a switch every call goes to the new one, and watches of the old one end. Whoever resumes them finds by the
 * cluster ID in the answers that revisions now mean something else, and lists again.
 */
import {
  type CallOptions,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type Header,
  type LeaseGrant,
  type LeaseId,
  type LeaseTimeToLive,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type Revision,
  type Store,
  StoreError,
  type TxnRequest,
  type TxnResponse,
  type WatchRequest,
  type WatchResponse,
} from "#store/store.ts";

export class SwitchableStore implements Store {
  #current: Store;
  /** Ends the watches of the current store when it is no longer the one. */
  #use = new AbortController();

  constructor(store: Store) {
    this.#current = store;
  }

  /** From now on this is the store. The caller closes the one before. */
  switchTo(store: Store): void {
    this.#current = store;
    this.#use.abort();
    this.#use = new AbortController();
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

  async *watch(
    request: WatchRequest,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<WatchResponse, void, undefined> {
    const use = this.#use.signal;
    yield* this.#current.watch(request, { signal: AbortSignal.any([signal, use]) });
    if (use.aborted && !signal.aborted) throw new StoreError("unavailable", "the store is another one now");
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
