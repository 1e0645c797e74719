/**
 * The store as one caller may use it. Requests are looked at before permissions, as etcd does, so that each gets etcd's
 * own refusal.
 */
import { checkPut, checkRange, checkTxn } from "../mvcc/check.ts";
import type * as api from "../store.ts";
import type { Caller } from "./caller.ts";
import type { Guard } from "./guard.ts";

export class GuardedStore implements api.Store {
  readonly #store: api.Store;
  readonly #guard: Guard;
  readonly #caller: Caller;

  constructor(store: api.Store, guard: Guard, caller: Caller) {
    this.#store = store;
    this.#guard = guard;
    this.#caller = caller;
  }

  async range(request: api.RangeRequest, options?: api.CallOptions): Promise<api.RangeResponse> {
    checkRange(request);
    this.#guard.range(this.#caller, request);
    return this.#store.range(request, options);
  }

  async put(request: api.PutRequest, options?: api.CallOptions): Promise<api.PutResponse> {
    checkPut(request);
    const keys = await this.#keysOf(request.lease ?? 0n);
    this.#guard.put(this.#caller, request, keys);
    return this.#store.put(request, options);
  }

  async deleteRange(
    request: api.DeleteRangeRequest,
    options?: api.CallOptions,
  ): Promise<api.DeleteRangeResponse> {
    checkRange(request);
    this.#guard.deleteRange(this.#caller, request);
    return this.#store.deleteRange(request, options);
  }

  async txn(request: api.TxnRequest, options?: api.CallOptions): Promise<api.TxnResponse> {
    checkTxn(request);
    this.#guard.txn(this.#caller, request);
    return this.#store.txn(request, options);
  }

  watch(
    request: api.WatchRequest,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<api.WatchResponse> {
    this.#guard.range(this.#caller, request);
    return this.#store.watch(request, options);
  }

  async leaseRevoke(id: api.LeaseId, options?: api.CallOptions): Promise<api.Header> {
    this.#guard.lease(this.#caller, await this.#keysOf(id));
    return this.#store.leaseRevoke(id, options);
  }

  compact(revision: api.Revision, options?: api.CallOptions): Promise<api.Header> {
    return this.#store.compact(revision, options);
  }

  leaseGrant(
    request: { readonly ttlS: number; readonly id?: api.LeaseId },
    options?: api.CallOptions,
  ): Promise<api.LeaseGrant> {
    return this.#store.leaseGrant(request, options);
  }

  leaseKeepAlive(id: api.LeaseId, options?: api.CallOptions): Promise<number> {
    return this.#store.leaseKeepAlive(id, options);
  }

  leaseTimeToLive(
    id: api.LeaseId,
    withKeys: boolean,
    options?: api.CallOptions,
  ): Promise<api.LeaseTimeToLive> {
    return this.#store.leaseTimeToLive(id, withKeys, options);
  }

  leaseList(options?: api.CallOptions): Promise<readonly api.LeaseId[]> {
    return this.#store.leaseList(options);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Nothing hangs on a lease that is not there. */
  async #keysOf(lease: api.LeaseId): Promise<readonly api.Bytes[]> {
    if (lease === 0n) return [];
    const { keys } = await this.#store.leaseTimeToLive(lease, true);
    return keys;
  }
}
