/**
 * A mirror follows one prefix of the store: it lists it, then watches from the next revision, for ever.
 *
 * It owns the rules of never missing a change: resume from the last event's revision + 1, list again after a
 * compaction, when another cluster answers, when the store's revision went backwards or a watch lost the order of changes,
 * report the difference to what was known before, and report each change once. Besides, it asks a silent store for what it may have missed, and
 * compares all it knows with the store now and then, since etcd's watches have had faults of their own. It keeps
 * revisions only; values belong to whoever takes the changes.
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
import {
  type Census,
  census,
  isAsKnown,
  type Listing,
  list,
  otherCluster,
  type Span,
  spansOf,
  standing,
} from "./listing.ts";
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
/** How often all that is known is compared with the store; this also finds what a busy watch has lost. */
const AUDIT_INTERVAL_MS = 900_000;
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
  /** At which the store's keys were last found to be those that are known. */
  #countedAt: Revision | undefined;
  /** The cluster whose revisions these are. */
  #clusterId: bigint | undefined;
  /** Aborted when the revisions known begin to mean nothing any more. */
  #history = new AbortController();
  #connected = false;
  #listed = false;
  /** Whether the prefix must be listed before it is watched. */
  #mustList = true;
  #failures = 0;
  /** Ends the current stream when aborted; its reason says why. */
  #stream = new AbortController();
  #checkTimer: Timer | undefined;
  #auditTimer: Timer | undefined;

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

  /**
   * Resolves when every change up to `revision` has been reported.
   * @throws StoreError `unavailable` when the store turns out to be another one, in which that revision means nothing
   */
  async reached(revision: Revision, signal?: AbortSignal): Promise<void> {
    const isMet = (): boolean => this.#listed && this.#revision >= revision;
    // The revision may have changed nothing under this prefix, and then no event will ever tell of it.
    const timer = isMet()
      ? undefined
      : this.#options.clock.setTimer(REACHED_CHECK_MS, () => this.#checkNow());
    try {
      const history = this.#history.signal;
      await this.#waiters.until(isMet, signal === undefined ? history : AbortSignal.any([signal, history]));
    } finally {
      timer?.cancel();
    }
  }

  start(): void {
    this.#running = this.#run();
    this.#armAudit();
  }

  /** Reports nothing more; whoever still waits is told that the mirror stopped. */
  async stop(): Promise<void> {
    const reason = new StoreError("cancelled", "the mirror of the store was stopped");
    this.#stop.abort(reason);
    this.#stream.abort(reason);
    this.#checkTimer?.cancel();
    this.#auditTimer?.cancel();
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
        if (error instanceof CompactedError) this.#mustList = true;
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
    if (this.#mustList) this.#takeListing(await list(this.#options.store, this.#spans, { signal }));
    const range = prefixRange(this.#options.prefix);
    const request = { ...range, startRevision: this.#revision + 1n, progressNotify: true };
    for await (const response of this.#options.store.watch(request, { signal })) this.#take(response);
    throw signal.reason ?? new StoreError("unavailable", "the watch ended");
  }

  #take(response: WatchResponse): void {
    const { clusterId, revision } = response.header;
    if (clusterId !== this.#clusterId) throw this.#listAgain(otherCluster());
    switch (response.kind) {
      case "created":
        // Either the store was set back or its member has fallen behind: listing tells which.
        if (revision < this.#revision) throw this.#listAgain(fellBehind());
        this.#failures = 0;
        this.#setConnected(true);
        break;
      case "events":
        this.#takeEvents(response.events);
        break;
      case "progress":
        this.#advance(revision);
    }
    this.#armCheck();
  }

  #takeListing({ kvs, revision, clusterId }: Listing): void {
    const isSameHistory = clusterId === this.#clusterId && revision >= this.#revision;
    const changes: MirrorChange[] = [];
    const gone = new Set(this.#known.keys());
    for (const { key: bytes, value, modRevision, createRevision } of kvs) {
      const key = toText(bytes);
      gone.delete(key);
      if (isSameHistory && this.#known.get(key) === modRevision) continue;
      changes.push({ key, value, modRevision, createRevision });
    }
    changes.sort((a, b) => (a.modRevision < b.modRevision ? -1 : a.modRevision > b.modRevision ? 1 : 0));
    for (const key of gone)
      changes.push({ key, value: undefined, modRevision: revision, createRevision: 0n });
    this.#mustList = false;
    this.#revision = revision;
    this.#countedAt = revision;
    if (this.#listed && !isSameHistory) this.#beginHistory();
    this.#clusterId = clusterId;
    this.#listed = true;
    this.#report({ changes, revision, listed: true });
  }

  /** Whoever waits for a revision of the old history would wait for something else. */
  #beginHistory(): void {
    this.#history.abort(otherCluster());
    this.#history = new AbortController();
  }

  #takeEvents(events: readonly StoreEvent[]): void {
    // What a check of the store has found first may still be on its way; what nobody has found came out of order.
    if (events.some((event) => this.#isNews(event))) throw this.#listAgain(outOfOrder());
    const fresh = events.filter((event) => event.kv.modRevision > this.#revision);
    const revision = fresh.at(-1)?.kv.modRevision;
    if (revision === undefined) return;
    this.#revision = revision;
    const changes = fresh.map(toChange).filter(({ key }) => !this.#isExcluded(key));
    this.#report({ changes, revision, listed: false });
  }

  /** An event of a revision that counts as known, which tells what is not. */
  #isNews({ type, kv }: StoreEvent): boolean {
    const key = toText(kv.key);
    if (kv.modRevision > this.#revision || this.#isExcluded(key)) return false;
    const known = this.#known.get(key);
    return known === undefined ? type === "put" : known < kv.modRevision;
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

  #listAgain(why: StoreError): StoreError {
    this.#mustList = true;
    return why;
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
    this.#replaceUnless((stream) => this.#check(stream).finally(() => this.#armCheck()));
  }

  #armAudit(): void {
    this.#auditTimer = this.#options.clock.setTimer(AUDIT_INTERVAL_MS, () => {
      this.#replaceUnless((stream) => this.#audit(stream));
      this.#armAudit();
    });
  }

  /** Ends the current stream if what is done with it fails; the next one begins with a listing. */
  #replaceUnless(isGood: (stream: AbortSignal) => Promise<void>): void {
    if (!this.#connected) return;
    const stream = this.#stream;
    isGood(stream.signal).catch((error: unknown) => {
      if (stream.signal.aborted) return;
      this.#mustList = true;
      stream.abort(error);
    });
  }

  async #check(stream: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const known = this.#revision;
    const late = new AbortController();
    const timer = clock.setTimer(CHECK_TIMEOUT_MS, () =>
      late.abort(new StoreError("deadline-exceeded", "the store did not answer in time")),
    );
    try {
      const found = await abortable(
        this.#lookForNews(known, AbortSignal.any([stream, late.signal])),
        late.signal,
      );
      if (found === undefined || this.#revision > known) return;
      // No key newer than what is known, and as many keys as are known: nothing has happened here since.
      if (!found.hasNewer && found.count === this.#known.size) this.#counted(found.revision);
      else await this.#waiters.until(() => this.#revision > known, late.signal);
    } finally {
      timer.cancel();
    }
  }

  /** Undefined where the store stands as when its keys were last counted: at rest it is not to count them for everybody. */
  async #lookForNews(known: Revision, signal: AbortSignal): Promise<Census | undefined> {
    const { store } = this.#options;
    const [span] = this.#spans;
    if (this.#countedAt === known && span !== undefined) {
      const now = await standing(store, span, signal);
      if (now.clusterId === this.#clusterId && now.revision === known) return undefined;
    }
    const found = await census(store, this.#spans, known, signal);
    if (found.clusterId !== this.#clusterId) throw otherCluster();
    if (found.revision < known) throw fellBehind();
    return found;
  }

  #counted(at: Revision): void {
    this.#countedAt = at;
    this.#advance(at);
  }

  /** Compares with the store's past, so that whatever is written meanwhile does not matter. */
  async #audit(stream: AbortSignal): Promise<void> {
    const at = { revision: this.#revision, signal: stream };
    try {
      if (await isAsKnown(this.#options.store, this.#spans, new Map(this.#known), at)) return;
    } catch {
      // A store that cannot answer now, or has compacted that revision, is no proof against the stream.
      return;
    }
    throw new StoreError("unavailable", "the watch has lost a change");
  }
}

function fellBehind(): StoreError {
  return new StoreError("unavailable", "the store's revision went backwards");
}

function outOfOrder(): StoreError {
  return new StoreError("unavailable", "the watch told of a change behind later ones");
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
