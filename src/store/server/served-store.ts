/** What every method of the server works with: the store, the header that etcd's answers begin with, and the guard. */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Caller } from "../auth/caller.ts";
import type { Guard } from "../auth/guard.ts";
import type { Wanted } from "../auth/permissions.ts";
import type { LocalStore, StoreIdentity } from "../local-store.ts";
import { type Header, type Revision, type Store, StoreError } from "../store.ts";

/** The version of etcd whose behaviour and API are served. */
export const ETCD_VERSION = "3.4.23";
export const CLUSTER_VERSION = "3.4.0";
/** A store of one member has one term of one leader, and etcd's first election gives it number 2. */
export const RAFT_TERM = 2n;
export const MEMBER_NAME = "flotilla";

interface FullHeader extends StoreIdentity {
  readonly revision: Revision;
  readonly raftTerm: bigint;
}

export interface ServedStoreOptions {
  readonly store: LocalStore;
  /** Where clients find the server. */
  readonly clientUrl: () => string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Auth {
  readonly authenticator: Authenticator;
  readonly guard: Guard;
  guardedFor(caller: Caller): Store;
}

export class ServedStore {
  readonly store: LocalStore;
  readonly clientUrl: () => string;
  readonly #options: ServedStoreOptions;
  #auth: Auth | undefined;
  #loadingAuth: Promise<Auth> | undefined;

  constructor(options: ServedStoreOptions) {
    this.#options = options;
    this.store = options.store;
    this.clientUrl = options.clientUrl;
  }

  /** The store as the caller may use it. */
  as(caller: Caller): Store {
    if (this.#auth !== undefined) return this.#auth.guardedFor(caller);
    // Nobody has a token of a store that has never had users.
    if (caller.token !== undefined) throw new StoreError("unauthenticated", "etcdserver: invalid auth token");
    return this.store;
  }

  /** Throws unless the caller may read the range. */
  checkRead(caller: Caller, range: Wanted): void {
    this.#auth?.guard.range(caller, range);
  }

  /** Throws unless the caller may do what every user may. */
  checkAnyUser(caller: Caller): void {
    this.#auth?.guard.anyUser(caller);
  }

  /** Throws unless the caller may do what only root may. */
  checkAdmin(caller: Caller): void {
    this.#auth?.guard.admin(caller);
  }

  /** Call it before anything is served: from then on a store that was left with authentication on is guarded. */
  async loadAuthIfEnabled(): Promise<void> {
    if (this.store.records.list("auth").size > 0) await this.loadAuth();
  }

  /** Authentication, loaded when it is first needed, which for most stores is never. */
  loadAuth(): Promise<Auth> {
    this.#loadingAuth ??= this.#loadAuth();
    return this.#loadingAuth;
  }

  async #loadAuth(): Promise<Auth> {
    const [{ Authenticator }, { Guard }, { GuardedStore }] = await Promise.all([
      import("../auth/authenticator.ts"),
      import("../auth/guard.ts"),
      import("../auth/guarded-store.ts"),
    ]);
    const { clock, random, store } = this.#options;
    const authenticator = new Authenticator({ records: store.records, clock, random });
    const guard = new Guard(authenticator);
    this.#auth = {
      authenticator,
      guard,
      guardedFor: (caller) => new GuardedStore(store, guard, caller),
    };
    return this.#auth;
  }

  /** The header of an answer that was made at a revision, by default the current one. */
  header(at: Header = { revision: this.store.revision }): FullHeader {
    return { ...this.store.identity, revision: at.revision, raftTerm: RAFT_TERM };
  }

  /** The answer with its header filled in. */
  full<T extends { readonly header: Header }>(answer: T): T & { readonly header: FullHeader } {
    return { ...answer, header: this.header(answer.header) };
  }
}
