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
  type StoreError,
  type StoreEvent,
  type WatchRequest,
  type WatchResponse,
} from "../store.ts";
import { refusal } from "./etcd-errors.ts";
import { inRange, type KeyRange, keyRange } from "./key-range.ts";
import type { VersionRecord } from "./record.ts";
import type { MvccState } from "./state.ts";
import { inTurns, STEP_ENTRIES, type Steps, type Turns } from "./steps.ts";
import { StoredKeyValue } from "./stored-key-value.ts";

/** Etcd's watchBatchMaxRevs. */
const BATCH_REVISIONS_MAX = 1_000;
/** A batch ends with the revision that reaches this many bytes of values. */
const BATCH_BYTES_MAX = 1_048_576;
/** More versions than this in one group are looked through by each watcher, not for each. */
const PUBLISHED_MAX = 1_024;
/** Etcd's interval of unasked progress notices. */
const PROGRESS_INTERVAL_MS = 600_000;

interface Watcher {
  readonly range: KeyRange;
  readonly request: WatchRequest;
  /** The first revision not reported yet. */
  next: number;
  /** Set while it waits: called when there is something to report. */
  wake: (() => void) | undefined;
}

/** A version and its key as the index holds it, which every watcher is asked about. */
interface Published {
  readonly key: string;
  readonly version: VersionRecord;
}

export class WatchHub {
  readonly #state: MvccState;
  readonly #clock: Clock;
  readonly #clusterId: bigint;
  readonly #turns: Turns | undefined;
  readonly #watchers = new Set<Watcher>();
  #closed: StoreError | undefined;

  constructor(state: MvccState, clock: Clock, clusterId: bigint, turns?: Turns) {
    this.#state = state;
    this.#clock = clock;
    this.#clusterId = clusterId;
    this.#turns = turns;
  }

  /** Number of open watches. */
  get size(): number {
    return this.#watchers.size;
  }

  /** Wakes whoever waits for one of the versions from `revision` on; they are durable and readable by now. */
  publish(revision: number): void {
    if (this.#watchers.size === 0) return;
    const published: Published[] = [];
    for (const version of this.#state.versionsFrom(revision)) {
      published.push({ key: version.key, version });
      // Of so many everybody looks for his own, a little at a time.
      if (published.length > PUBLISHED_MAX) {
        this.#wakeAll();
        return;
      }
    }
    for (const watcher of this.#watchers) {
      if (watcher.wake === undefined) continue;
      const hit = published.find((one) => concerns(watcher, one));
      if (hit === undefined) continue;
      watcher.next = hit.version.modRevision;
      watcher.wake();
    }
  }

  #wakeAll(): void {
    for (const watcher of this.#watchers) watcher.wake?.();
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchResponse, void, undefined> {
    if (signal.aborted) return;
    const watcher = this.#open(request);
    try {
      yield { kind: "created", header: this.#header() };
      while (!signal.aborted) {
        if (this.#closed !== undefined) throw this.#closed;
        const response =
          (await inTurns(this.#collect(watcher), this.#turns)) ?? (await this.#wait(watcher, signal));
        if (response !== undefined) yield response;
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  /** Ends every watch with an error. */
  close(): void {
    this.#closed = refusal("stopped");
    this.#wakeAll();
  }

  #header(): Header {
    return { revision: BigInt(this.#state.settledRevision), clusterId: this.#clusterId };
  }

  #open(request: WatchRequest): Watcher {
    const current = this.#state.settledRevision + 1;
    const start = Number(request.startRevision ?? 0n);
    const range = keyRange(request.key.length === 0 ? { ...request, key: new Uint8Array(1) } : request);
    const watcher: Watcher = { range, request, next: start > 0 ? start : current, wake: undefined };
    this.#watchers.add(watcher);
    return watcher;
  }

  /** The next batch; undefined when there is nothing to report yet. */
  *#collect(watcher: Watcher): Steps<WatchResponse | undefined> {
    const header = this.#header();
    const from = watcher.next;
    const batch = new Batch();
    let next = Math.max(from, this.#state.settledRevision + 1);
    let count = 0;
    for (const version of this.#state.versionsFrom(from)) {
      if (batch.isFullBefore(version)) {
        next = version.modRevision;
        break;
      }
      if (concerns(watcher, { key: version.key, version })) {
        batch.add(version, watcher.request.prevKv ? this.#state : undefined);
      }
      count += 1;
      if (count % STEP_ENTRIES === 0) yield;
    }
    // Also when compaction came while this was collected: something of it may have been gone already.
    if (from < this.#state.compactRevision && from < next) {
      throw new CompactedError(BigInt(this.#state.compactRevision));
    }
    watcher.next = next;
    return batch.events.length === 0 ? undefined : { kind: "events", header, events: batch.events };
  }

  /** Resolves when there is something to report, when progress is due, or when the watch ends. */
  #wait(watcher: Watcher, signal: AbortSignal): Promise<WatchResponse | undefined> {
    // While it collected, something may have come, or have ended, that nobody has told it of.
    const isDue = watcher.next <= this.#state.settledRevision;
    if (isDue || signal.aborted || this.#closed !== undefined) return Promise.resolve(undefined);
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
  #last = 0;

  isFullBefore(version: VersionRecord): boolean {
    if (version.modRevision === this.#last) return false;
    return this.#revisions >= BATCH_REVISIONS_MAX || this.#bytes >= BATCH_BYTES_MAX;
  }

  add(version: VersionRecord, previousFrom: MvccState | undefined): void {
    if (version.modRevision !== this.#last) this.#revisions += 1;
    this.#last = version.modRevision;
    const previous = previousFrom?.before(version);
    this.#bytes += version.valueLength + (previous?.valueLength ?? 0);
    const type = version.deleted ? "delete" : "put";
    const kv = new StoredKeyValue(version);
    this.events.push(
      previous === undefined ? { type, kv } : { type, kv, prevKv: new StoredKeyValue(previous) },
    );
  }
}

function concerns(watcher: Watcher, { key, version }: Published): boolean {
  if (version.modRevision < watcher.next || !inRange(watcher.range, key)) return false;
  return !watcher.request.filters?.includes(version.deleted ? "no-delete" : "no-put");
}
