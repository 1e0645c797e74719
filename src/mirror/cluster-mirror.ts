/** The cluster's state as it is in the store, followed by one mirror and shared by whoever needs it in this process. */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { ClusterState, type ClusterView } from "#model/cluster-state.ts";
import { type KeyKind, PREFIX, ranges } from "#model/keys.ts";
import type { Revision, Store } from "#store/store.ts";
import { type Mirror, type MirrorBatch, startMirror } from "./mirror.ts";

export interface ClusterChange {
  /** Which kinds of keys changed. */
  readonly kinds: ReadonlySet<KeyKind>;
  readonly batch: MirrorBatch;
}

export interface ClusterMirror {
  /** Live: it changes as the store does. Empty until `ready`. */
  readonly view: ClusterView;
  /** The store's revision that `view` reflects. */
  readonly revision: Revision;
  /** False while the store does not answer; `view` is then the last that was known. */
  readonly connected: boolean;
  /** Revision of a key's last change; undefined when there is no such key. */
  modRevision(key: string): Revision | undefined;
  /** Resolves when the state has been listed once. */
  ready(signal?: AbortSignal): Promise<void>;
  /** Resolves when `view` reflects at least `revision`. */
  reached(revision: Revision, signal?: AbortSignal): Promise<void>;
  /** Calls `listener` after each batch was taken in. Returns how to stop listening. */
  onChange(listener: (change: ClusterChange) => void): () => void;
}

export interface ClusterMirrorOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
}

/** Follows everything of the cluster but events and the users' own keys, which are no state of it. */
export function startClusterMirror(options: ClusterMirrorOptions): ClusterMirror & { stop(): Promise<void> } {
  return new FollowedCluster(options);
}

class FollowedCluster implements ClusterMirror {
  readonly #state = new ClusterState();
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  readonly #mirror: Mirror;

  constructor(options: ClusterMirrorOptions) {
    this.#mirror = startMirror({
      ...options,
      prefix: PREFIX,
      excluded: [ranges.events, ranges.kv],
      onBatch: (batch) => this.#take(batch),
      onConnected: () => undefined,
    });
  }

  get view(): ClusterView {
    return this.#state;
  }

  get revision(): Revision {
    return this.#mirror.revision;
  }

  get connected(): boolean {
    return this.#mirror.connected;
  }

  modRevision(key: string): Revision | undefined {
    return this.#mirror.modRevision(key);
  }

  ready(signal?: AbortSignal): Promise<void> {
    return this.#mirror.ready(signal);
  }

  reached(revision: Revision, signal?: AbortSignal): Promise<void> {
    return this.#mirror.reached(revision, signal);
  }

  onChange(listener: (change: ClusterChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): Promise<void> {
    return this.#mirror.stop();
  }

  #take(batch: MirrorBatch): void {
    const kinds = new Set<KeyKind>();
    for (const change of batch.changes) {
      const kind = this.#state.apply(change);
      if (kind !== undefined) kinds.add(kind);
    }
    for (const listener of [...this.#listeners]) listener({ kinds, batch });
  }
}
