/** Every revision of the store in order, with the cluster's state before and after it: what invariants look at. */
import { ClusterState, type ClusterView, type RawChange } from "#model/cluster-state.ts";
import { PREFIX } from "#model/keys.ts";
import { prefixRange, toText } from "#store/keys.ts";
import type { Revision, StoreEvent } from "#store/store.ts";
import type { Written } from "./link.ts";
import type { StoreServer } from "./store-server.ts";

/** One revision: everything that one transaction, or the end of one lease, changed. */
export interface HistoryEntry {
  readonly revision: Revision;
  readonly changes: readonly RawChange[];
  /** Who wrote it; undefined when a lease ended. */
  readonly written: Written | undefined;
}

export type HistoryListener = (entry: HistoryEntry, after: ClusterView) => void;

export class History {
  readonly #server: StoreServer;
  readonly #written = new Map<Revision, Written>();
  readonly #state = new ClusterState();
  readonly #listener: HistoryListener;
  #unread: StoreEvent[] = [];
  #revision: Revision = 0n;

  constructor(server: StoreServer, listener: HistoryListener) {
    this.#server = server;
    this.#listener = listener;
  }

  /** The state as of the last revision that was read. */
  get view(): ClusterView {
    return this.#state;
  }

  get revision(): Revision {
    return this.#revision;
  }

  /** To be called whenever the store has come up. */
  follow(): void {
    void this.#watch();
  }

  note(written: Written): void {
    this.#written.set(written.revision, written);
  }

  /** Tells the listener of every revision since the last call. */
  read(): void {
    for (const events of byRevision(this.#unread.splice(0))) {
      const revision = events[0]?.kv.modRevision ?? 0n;
      const changes = events.map(({ type, kv }) => ({
        key: toText(kv.key),
        value: type === "delete" ? undefined : kv.value,
      }));
      for (const change of changes) this.#state.apply(change);
      this.#revision = revision;
      this.#listener({ revision, changes, written: this.#written.get(revision) }, this.#state);
      this.#written.delete(revision);
    }
  }

  async #watch(): Promise<void> {
    const store = this.#server.store;
    if (store === undefined) return;
    const last = this.#unread.at(-1)?.kv.modRevision ?? this.#revision;
    const request = { ...prefixRange(PREFIX), startRevision: last + 1n };
    try {
      for await (const response of store.watch(request, { signal: new AbortController().signal })) {
        if (response.kind === "events") this.#unread.push(...response.events);
      }
    } catch {
      // The store went down; whoever starts it again calls follow.
    }
  }
}

function byRevision(events: readonly StoreEvent[]): readonly StoreEvent[][] {
  const revisions: StoreEvent[][] = [];
  for (const event of events) {
    const last = revisions.at(-1);
    if (last?.[0]?.kv.modRevision === event.kv.modRevision) last.push(event);
    else revisions.push([event]);
  }
  return revisions;
}
