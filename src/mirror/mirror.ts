/**
 * A mirror follows one prefix of the store: it lists it, then watches from the next revision, for ever.
 *
 * It owns the rules of never missing a change: resume from the last event's revision + 1, list again after a
 * compaction or when the store's revision went backwards, report the difference to what was known before, and
 * report each change once. It keeps revisions only; values belong to whoever takes the changes.
 */
import { backoffDelayMs } from "#base/backoff.ts";
import { type Clock, sleep, type Timer } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { prefixRange, toText } from "#store/keys.ts";
import {
  CompactedError,
  type Revision,
  type Store,
  StoreError,
  type StoreEvent,
  type WatchResponse,
} from "#store/store.ts";
import { census, type Listing, list, type Span, spansOf } from "./listing.ts";
import { Waiters } from "./waiters.ts";

export interface MirrorChange {
  readonly key: string;
  /** Undefined when the key was deleted. */
  readonly value: Uint8Array | undefined;
  readonly modRevision: Revision;
  readonly createRevision: Revision;
}

export interface MirrorBatch {
  /** All changes up to `revision`, in order; revisions are never split over batches. */
  readonly changes: readonly MirrorChange[];
  readonly revision: Revision;
  /** True when the batch comes from listing rather than watching: what happened in between is not known step by step. */
  readonly listed: boolean;
}

export interface MirrorOptions {
  readonly store: Store;
  readonly prefix: string;
  /** Prefixes within `prefix` whose keys are passed over. */
  readonly excluded?: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly onBatch: (batch: MirrorBatch) => void;
  readonly onConnected: (connected: boolean) => void;
}

/** A stream that has been silent this long is checked against the store; it may have died without a word. */
const SILENCE_MAX_MS = 30_000;
/** How long whoever waits for a revision waits before the store is asked whether it changed anything mirrored here. */
const REACHED_CHECK_MS = 100;
/** How long a check may take, and how long a stream may lag behind what a check has seen. */
const CHECK_TIMEOUT_MS = 5_000;

/** Everybody waits for a store that comes back, so the longest delay is short. */
const BACKOFF = { firstMs: 50, maxMs: 1_000 };

/** Starts following; batches come until `stop`. */
export function startMirror(options: MirrorOptions): Mirror {
  const mirror = new Mirror(options);
  mirror.start();
  return mirror;
}

export class Mirror {
  readonly #options: MirrorOptions;
  readonly #spans: readonly Span[];
  readonly #known = new Map<string, Revision>();
  readonly #waiters = new Waiters();
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #revision: Revision = 0n;
  #connected = false;
  #listed = false;
  /** What must be done before watching: nothing, list and compare revisions, or list and trust nothing known. */
  #next: "watch" | "list" | "list-anew" = "list";
  #failures = 0;
  /** Ends the current stream when aborted; its reason says why. */
  #stream = new AbortController();
  #checkTimer: Timer | undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#spans = spansOf(options.prefix, options.excluded ?? []);
  }

  /** The store's revision up to which every change has been reported. */
  get revision(): Revision {
    return this.#revision;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Revision of a key's last change; undefined when there is no such key. */
  modRevision(key: string): Revision | undefined {
    return this.#known.get(key);
  }

  /** Resolves when the prefix has been listed once. */
  ready(signal?: AbortSignal): Promise<void> {
    return this.#waiters.until(() => this.#listed, signal);
  }

  /** Resolves when every change up to `revision` has been reported. */
  async reached(revision: Revision, signal?: AbortSignal): Promise<void> {
    const isMet = (): boolean => this.#listed && this.#revision >= revision;
    // The revision may have changed nothing under this prefix, and then no event will ever tell of it.
    const timer = isMet()
      ? undefined
      : this.#options.clock.setTimer(REACHED_CHECK_MS, () => this.#checkNow());
    try {
      await this.#waiters.until(isMet, signal);
    } finally {
      timer?.cancel();
    }
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Reports nothing more; whoever still waits is told that the mirror stopped. */
  async stop(): Promise<void> {
    const reason = new StoreError("cancelled", "the mirror of the store was stopped");
    this.#stop.abort(reason);
    this.#stream.abort(reason);
    this.#checkTimer?.cancel();
    this.#waiters.rejectAll(reason);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#follow();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (error instanceof CompactedError) this.#listAgain("list");
        this.#setConnected(false);
        this.#failures += 1;
        await sleep(clock, backoffDelayMs(this.#failures, random, BACKOFF), this.#stop.signal).catch(
          () => undefined,
        );
      }
    }
  }

  /** Lists if need be, then watches until the stream ends, which is always an error or the end of the mirror. */
  async #follow(): Promise<void> {
    this.#stream = new AbortController();
    const { signal } = this.#stream;
    if (this.#stop.signal.aborted) return;
    if (this.#next !== "watch") this.#takeListing(await list(this.#options.store, this.#spans, signal));
    const range = prefixRange(this.#options.prefix);
    const request = { ...range, startRevision: this.#revision + 1n, progressNotify: true };
    for await (const response of this.#options.store.watch(request, { signal })) this.#take(response);
    throw signal.reason ?? new StoreError("unavailable", "the watch ended");
  }

  #take(response: WatchResponse): void {
    switch (response.kind) {
      case "created":
        if (response.header.revision < this.#revision) {
          this.#listAgain("list-anew");
          this.#stream.abort(new StoreError("unavailable", "the store's revision went backwards"));
          return;
        }
        this.#failures = 0;
        this.#setConnected(true);
        break;
      case "events":
        this.#takeEvents(response.events);
        break;
      case "progress":
        this.#advance(response.header.revision);
    }
    this.#armCheck();
  }

  #takeListing({ kvs, revision }: Listing): void {
    const trusted = this.#next === "list" && revision >= this.#revision;
    const changes: MirrorChange[] = [];
    const gone = new Set(this.#known.keys());
    for (const { key: bytes, value, modRevision, createRevision } of kvs) {
      const key = toText(bytes);
      gone.delete(key);
      if (trusted && this.#known.get(key) === modRevision) continue;
      changes.push({ key, value, modRevision, createRevision });
    }
    changes.sort((a, b) => (a.modRevision < b.modRevision ? -1 : a.modRevision > b.modRevision ? 1 : 0));
    for (const key of gone)
      changes.push({ key, value: undefined, modRevision: revision, createRevision: 0n });
    this.#next = "watch";
    this.#listed = true;
    this.#revision = revision;
    this.#report({ changes, revision, listed: true });
  }

  #takeEvents(events: readonly StoreEvent[]): void {
    // A stream that was opened again may begin with what is known already.
    const fresh = events.filter((event) => event.kv.modRevision > this.#revision);
    const revision = fresh.at(-1)?.kv.modRevision;
    if (revision === undefined) return;
    this.#revision = revision;
    const changes = fresh.map(toChange).filter(({ key }) => !this.#isExcluded(key));
    this.#report({ changes, revision, listed: false });
  }

  #report(batch: MirrorBatch): void {
    for (const { key, value, modRevision } of batch.changes) {
      if (value === undefined) this.#known.delete(key);
      else this.#known.set(key, modRevision);
    }
    if (batch.listed || batch.changes.length > 0) this.#options.onBatch(batch);
    this.#waiters.changed();
  }

  #advance(revision: Revision): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    this.#waiters.changed();
  }

  #isExcluded(key: string): boolean {
    return this.#options.excluded?.some((prefix) => key.startsWith(prefix)) ?? false;
  }

  #listAgain(how: "list" | "list-anew"): void {
    if (this.#next !== "list-anew") this.#next = how;
  }

  #setConnected(connected: boolean): void {
    if (!connected) this.#checkTimer?.cancel();
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#options.onConnected(connected);
  }

  #armCheck(): void {
    this.#checkTimer?.cancel();
    if (!this.#connected || this.#stop.signal.aborted) return;
    this.#checkTimer = this.#options.clock.setTimer(SILENCE_MAX_MS, () => this.#checkNow());
  }

  /** Checks the stream against the store; a stream that fails the check is replaced. */
  #checkNow(): void {
    if (!this.#connected) return;
    const stream = this.#stream;
    this.#check(stream.signal).catch((error: unknown) => {
      this.#listAgain("list");
      stream.abort(error);
    });
  }

  async #check(stream: AbortSignal): Promise<void> {
    const { clock, store } = this.#options;
    const known = this.#revision;
    const late = new AbortController();
    const timer = clock.setTimer(CHECK_TIMEOUT_MS, () =>
      late.abort(new StoreError("deadline-exceeded", "the store did not answer in time")),
    );
    try {
      const found = await abortable(
        census(store, this.#spans, known, AbortSignal.any([stream, late.signal])),
        late.signal,
      );
      if (this.#revision > known) return;
      // No key newer than what is known, and as many keys as are known: nothing has happened here since.
      if (!found.hasNewer && found.count === this.#known.size) this.#advance(found.revision);
      else await this.#waiters.until(() => this.#revision > known, late.signal);
    } finally {
      timer.cancel();
      this.#armCheck();
    }
  }
}

function toChange({ type, kv }: StoreEvent): MirrorChange {
  const { modRevision } = kv;
  const key = toText(kv.key);
  if (type === "delete") return { key, value: undefined, modRevision, createRevision: 0n };
  return { key, value: kv.value, modRevision, createRevision: kv.createRevision };
}

/** The promise's outcome, or the signal's reason if that comes first: a store that is gone may never answer. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}
