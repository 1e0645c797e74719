/**
 * The store as one caller may use it. Requests are looked at before permissions, as etcd does, so that each gets etcd's
 * own refusal.
 */
import { checkPut, checkRange, checkTxn } from "../mvcc/check.ts";
import type * as api from "../store.ts";
import type { Caller } from "./caller.ts";
import type { Guard, LeaseKeys } from "./guard.ts";

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
    this.#guard.put(this.#caller, request, await this.#keysOf([request.lease ?? 0n]));
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
    this.#guard.txn(this.#caller, request, await this.#keysOf([...leasesOf(request)]));
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
    this.#guard.anyUser(this.#caller);
    const keysOf = await this.#keysOf([id]);
    this.#guard.lease(this.#caller, keysOf(id));
    return this.#store.leaseRevoke(id, options);
  }

  async compact(revision: api.Revision, options?: api.CallOptions): Promise<api.Header> {
    this.#guard.admin(this.#caller);
    return this.#store.compact(revision, options);
  }

  async leaseGrant(
    request: { readonly ttlS: number; readonly id?: api.LeaseId },
    options?: api.CallOptions,
  ): Promise<api.LeaseGrant> {
    this.#guard.anyUser(this.#caller);
    return this.#store.leaseGrant(request, options);
  }

  async leaseKeepAlive(id: api.LeaseId, options?: api.CallOptions): Promise<number> {
    this.#guard.anyUser(this.#caller);
    return this.#store.leaseKeepAlive(id, options);
  }

  async leaseTimeToLive(
    id: api.LeaseId,
    withKeys: boolean,
    options?: api.CallOptions,
  ): Promise<api.LeaseTimeToLive> {
    this.#guard.anyUser(this.#caller);
    const answer = await this.#store.leaseTimeToLive(id, withKeys, options);
    for (const key of answer.keys) this.#guard.range(this.#caller, { key });
    return answer;
  }

  async leaseList(options?: api.CallOptions): Promise<readonly api.LeaseId[]> {
    this.#guard.anyUser(this.#caller);
    return this.#store.leaseList(options);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Nothing hangs on a lease that is not there. */
  async #keysOf(leases: readonly api.LeaseId[]): Promise<LeaseKeys> {
    const found = new Map<api.LeaseId, readonly api.Bytes[]>();
    for (const lease of leases) {
      if (lease !== 0n) found.set(lease, (await this.#store.leaseTimeToLive(lease, true)).keys);
    }
    return (lease) => found.get(lease) ?? [];
  }
}

/** The leases that a transaction may hang keys on. */
function leasesOf({ success, failure }: api.TxnRequest): Set<api.LeaseId> {
  const leases = new Set<api.LeaseId>();
  for (const op of [...success, ...failure]) {
    if (op.kind === "put") leases.add(op.request.lease ?? 0n);
    if (op.kind === "txn") for (const lease of leasesOf(op.request)) leases.add(lease);
  }
  return leases;
}
