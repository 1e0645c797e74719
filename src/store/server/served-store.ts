/** What every method of the server works with: the store, and the header that etcd's answers begin with. */
import type { LocalStore, StoreIdentity } from "../local-store.ts";
import type { Header, Revision } from "../store.ts";

/** The version of etcd whose behaviour and API are served. */
export const ETCD_VERSION = "3.4.23";
/** A store of one member has one term of one leader, and etcd's first election gives it number 2. */
export const RAFT_TERM = 2n;

interface FullHeader extends StoreIdentity {
  readonly revision: Revision;
  readonly raftTerm: bigint;
}

export class ServedStore {
  readonly store: LocalStore;
  /** Where clients find the server. */
  readonly clientUrl: () => string;

  constructor(store: LocalStore, clientUrl: () => string) {
    this.store = store;
    this.clientUrl = clientUrl;
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
