/**
 * Watches as cursors on the log of versions. A watcher pulls: it holds the next revision it has to report and nothing
 * else, so a slow one costs no memory, and one that falls behind a compaction is told so.
 *
 * Invariants: a batch holds whole revisions in order; a watcher that waits is up to date with everything it asked for.
 */
import type { Clock } from "#base/clock.ts";
import {
  CompactedError,
  type Header,
  type Revision,
  type StoreError,
  type StoreEvent,
  type WatchRequest,
  type WatchResponse,
} from "../store.ts";
import { refusal } from "./etcd-errors.ts";
import type { Version } from "./history.ts";
import { inRange, type KeyRange, keyRange } from "./key-range.ts";
import type { MvccState } from "./state.ts";

/** Etcd's watchBatchMaxRevs. */
const BATCH_REVISIONS_MAX = 1_000;
/** A batch ends with the revision that reaches this many bytes of values. */
const BATCH_BYTES_MAX = 1_048_576;
/** Etcd's interval of unasked progress notices. */
const PROGRESS_INTERVAL_MS = 600_000;

interface Watcher {
  readonly range: KeyRange;
  readonly request: WatchRequest;
  /** The first revision not reported yet. */
  next: Revision;
  /** Set while it waits: called when there is something to report. */
  wake: (() => void) | undefined;
}

export class WatchHub {
  readonly #state: MvccState;
  readonly #clock: Clock;
  readonly #clusterId: bigint;
  readonly #watchers = new Set<Watcher>();
  #closed: StoreError | undefined;

  constructor(state: MvccState, clock: Clock, clusterId: bigint) {
    this.#state = state;
    this.#clock = clock;
    this.#clusterId = clusterId;
  }

  /** Number of open watches. */
  get size(): number {
    return this.#watchers.size;
  }

  /** Wakes whoever waits for one of these versions; they are durable and readable by now. */
  publish(versions: readonly Version[]): void {
    for (const watcher of this.#watchers) {
      if (watcher.wake === undefined) continue;
      const hit = versions.find((version) => concerns(watcher, version));
      if (hit === undefined) continue;
      watcher.next = hit.kv.modRevision;
      watcher.wake();
    }
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchResponse, void, undefined> {
    if (signal.aborted) return;
    const watcher = this.#open(request);
    try {
      yield { kind: "created", header: this.#header() };
      while (!signal.aborted) {
        if (this.#closed !== undefined) throw this.#closed;
        const response = this.#collect(watcher) ?? (await this.#wait(watcher, signal));
        if (response !== undefined) yield response;
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  /** Ends every watch with an error. */
  close(): void {
    this.#closed = refusal("stopped");
    for (const watcher of this.#watchers) watcher.wake?.();
  }

  #header(): Header & { readonly clusterId: bigint } {
    return { revision: this.#state.revision, clusterId: this.#clusterId };
  }

  #open(request: WatchRequest): Watcher {
    const current = this.#state.revision + 1n;
    const start = request.startRevision ?? 0n;
    const range = keyRange(request.key.length === 0 ? { ...request, key: new Uint8Array(1) } : request);
    const watcher: Watcher = { range, request, next: start > 0n ? start : current, wake: undefined };
    this.#watchers.add(watcher);
    return watcher;
  }

  /** The next batch; undefined when there is nothing to report yet. */
  #collect(watcher: Watcher): WatchResponse | undefined {
    const header = this.#header();
    if (watcher.next > header.revision) return undefined;
    if (watcher.next < this.#state.compactRevision) throw new CompactedError(this.#state.compactRevision);
    const batch = new Batch();
    for (const version of this.#state.versionsFrom(watcher.next)) {
      if (!concerns(watcher, version)) continue;
      if (batch.isFullBefore(version)) {
        watcher.next = version.kv.modRevision;
        return { kind: "events", header, events: batch.events };
      }
      batch.add(version, watcher.request.prevKv ? this.#state : undefined);
    }
    watcher.next = header.revision + 1n;
    return batch.events.length === 0 ? undefined : { kind: "events", header, events: batch.events };
  }

  /** Resolves when there is something to report, when progress is due, or when the watch ends. */
  #wait(watcher: Watcher, signal: AbortSignal): Promise<WatchResponse | undefined> {
    return new Promise((resolve) => {
      const timer = watcher.request.progressNotify
        ? this.#clock.setTimer(PROGRESS_INTERVAL_MS, () => done({ kind: "progress", header: this.#header() }))
        : undefined;
      const wake = (): void => done(undefined);
      const done = (response: WatchResponse | undefined): void => {
        timer?.cancel();
        signal.removeEventListener("abort", wake);
        watcher.wake = undefined;
        resolve(response);
      };
      watcher.wake = wake;
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}

/** Collects events until a limit is reached; limits are looked at between revisions only. */
class Batch {
  readonly events: StoreEvent[] = [];
  #revisions = 0;
  #bytes = 0;
  #last: Revision = 0n;

  isFullBefore(version: Version): boolean {
    if (version.kv.modRevision === this.#last) return false;
    return this.#revisions >= BATCH_REVISIONS_MAX || this.#bytes >= BATCH_BYTES_MAX;
  }

  add(version: Version, previousFrom: MvccState | undefined): void {
    if (version.kv.modRevision !== this.#last) this.#revisions += 1;
    this.#last = version.kv.modRevision;
    const prevKv = previousFrom?.before(version);
    this.#bytes += version.kv.value.length + (prevKv?.value.length ?? 0);
    const event: StoreEvent = { type: version.deleted ? "delete" : "put", kv: version.kv };
    this.events.push(prevKv === undefined ? event : { ...event, prevKv });
  }
}

function concerns(watcher: Watcher, version: Version): boolean {
  if (version.kv.modRevision < watcher.next || !inRange(watcher.range, version.key)) return false;
  return !watcher.request.filters?.includes(version.deleted ? "no-delete" : "no-put");
}
