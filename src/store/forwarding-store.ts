/** A store that hands every call on to another, in the one way its subclass says. */
import type * as api from "./store.ts";

export abstract class ForwardingStore implements api.Store {
  /** Has `use` carried out on the store behind this one; every call but `watch` and `close` comes this way. */
  protected abstract forward<T>(
    use: (store: api.Store, options?: api.CallOptions) => Promise<T>,
    options: api.CallOptions | undefined,
  ): Promise<T>;

  abstract watch(
    request: api.WatchRequest,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<api.WatchResponse>;

  abstract close(): Promise<void>;

  range(request: api.RangeRequest, options?: api.CallOptions): Promise<api.RangeResponse> {
    return this.forward((store, own) => store.range(request, own), options);
  }

  put(request: api.PutRequest, options?: api.CallOptions): Promise<api.PutResponse> {
    return this.forward((store, own) => store.put(request, own), options);
  }

  deleteRange(request: api.DeleteRangeRequest, options?: api.CallOptions): Promise<api.DeleteRangeResponse> {
    return this.forward((store, own) => store.deleteRange(request, own), options);
  }

  txn(request: api.TxnRequest, options?: api.CallOptions): Promise<api.TxnResponse> {
    return this.forward((store, own) => store.txn(request, own), options);
  }

  compact(revision: api.Revision, options?: api.CallOptions): Promise<api.Header> {
    return this.forward((store, own) => store.compact(revision, own), options);
  }

  leaseGrant(
    request: { readonly ttlS: number; readonly id?: api.LeaseId },
    options?: api.CallOptions,
  ): Promise<api.LeaseGrant> {
    return this.forward((store, own) => store.leaseGrant(request, own), options);
  }

  leaseRevoke(id: api.LeaseId, options?: api.CallOptions): Promise<api.Header> {
    return this.forward((store, own) => store.leaseRevoke(id, own), options);
  }

  leaseKeepAlive(id: api.LeaseId, options?: api.CallOptions): Promise<number> {
    return this.forward((store, own) => store.leaseKeepAlive(id, own), options);
  }

  leaseTimeToLive(
    id: api.LeaseId,
    withKeys: boolean,
    options?: api.CallOptions,
  ): Promise<api.LeaseTimeToLive> {
    return this.forward((store, own) => store.leaseTimeToLive(id, withKeys, own), options);
  }

  leaseList(options?: api.CallOptions): Promise<readonly api.LeaseId[]> {
    return this.forward((store, own) => store.leaseList(own), options);
  }
}
