/**
 * Whether a caller may do what a request asks for (etcd, etcdserver/apply_auth.go). Everything passes while
 * authentication is off. Each check throws the refusal.
 *
 * It is as strict as the etcd that has no known hole, not as 3.4.23: leases are for users, compaction for root, and in
 * a transaction a put is looked at as closely as outside of one (CVE-2026-33413, CVE-2026-44283, CVE-2023-32082).
 */
import type { Bytes, DeleteRangeRequest, LeaseId, PutRequest, RequestOp, TxnRequest } from "../store.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Caller } from "./caller.ts";
import { type Access, hasRootRole, permits, type Wanted } from "./permissions.ts";
import { authRefusal } from "./refusals.ts";

/** What hangs on a lease: who may not write it could have it deleted. */
export type LeaseKeys = (lease: LeaseId) => readonly Bytes[];

export class Guard {
  readonly #authenticator: Authenticator;

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator;
  }

  get #enabled(): boolean {
    return this.#authenticator.state.enabled;
  }

  range(caller: Caller, wanted: Wanted): void {
    this.#check(caller, "read", wanted);
  }

  /** @param leaseKeys of the lease that the key is to hang on. */
  put(caller: Caller, request: PutRequest, leaseKeys: LeaseKeys): void {
    this.#check(caller, "write", { key: request.key });
    this.lease(caller, leaseKeys(request.lease ?? 0n));
    if (request.prevKv) this.#check(caller, "read", { key: request.key });
  }

  deleteRange(caller: Caller, { key, rangeEnd, prevKv }: DeleteRangeRequest): void {
    this.#check(caller, "write", { key, rangeEnd });
    if (prevKv) this.#check(caller, "read", { key, rangeEnd });
  }

  /** Both branches have to be permitted, whichever will run. */
  txn(caller: Caller, request: TxnRequest, leaseKeys: LeaseKeys): void {
    if (!this.#enabled) return;
    for (const compare of request.compare) this.range(caller, compare);
    for (const op of request.success) this.#op(caller, op, leaseKeys);
    for (const op of request.failure) this.#op(caller, op, leaseKeys);
  }

  /** Deleting a lease deletes its keys. */
  lease(caller: Caller, keys: readonly Bytes[]): void {
    for (const key of keys) this.#check(caller, "write", { key });
  }

  /** Something that every user may do. */
  anyUser(caller: Caller): void {
    if (this.#enabled) this.#authenticator.userOf(caller);
  }

  admin(caller: Caller): void {
    if (!this.#enabled) return;
    if (!hasRootRole(this.#authenticator.userOf(caller))) throw authRefusal("permission-denied");
  }

  /** Anybody may look at himself. */
  user(caller: Caller, name: string): void {
    if (this.#enabled && this.#authenticator.nameOf(caller) !== name) this.admin(caller);
  }

  /** Anybody may look at a role he has. */
  role(caller: Caller, name: string): void {
    if (!this.#enabled) return;
    const ownName = this.#authenticator.nameOf(caller);
    const user = ownName === undefined ? undefined : this.#authenticator.state.users.get(ownName);
    if (!user?.roles.includes(name)) this.admin(caller);
  }

  #op(caller: Caller, op: RequestOp, leaseKeys: LeaseKeys): void {
    switch (op.kind) {
      case "range":
        this.range(caller, op.request);
        break;
      case "put":
        this.put(caller, op.request, leaseKeys);
        break;
      case "delete-range":
        this.deleteRange(caller, op.request);
        break;
      case "txn":
        this.txn(caller, op.request, leaseKeys);
        break;
    }
  }

  #check(caller: Caller, access: Access, wanted: Wanted): void {
    // A token is looked at even while authentication is off, so that its holder learns that it is worth nothing.
    if (caller.token !== undefined) this.#authenticator.nameOf(caller);
    if (!this.#enabled) return;
    const user = this.#authenticator.userOf(caller);
    if (!permits(this.#authenticator.state, user, access, wanted)) throw authRefusal("permission-denied");
  }
}
