/**
 * One watch of a prefix for a whole process, fanned out to whoever follows a part of it.
 *
 * A store sends a change to each watch by itself, so that many watches of one process cost it many messages; in here a
 * change costs a comparison. Each follower sees what a watch of its own would show, and is told of progress besides:
 * a batch with nothing for it still says how far the store is. Invariants: a follower is told of every change from its
 * start on, once and in order; one that wants the past beyond what is remembered gets a watch of its own.
 */
import {
  type Bytes,
  CompactedError,
  type Header,
  type Revision,
  StoreError,
  type StoreEvent,
  type WatchRequest,
  type WatchResponse,
} from "../store.ts";
import { connectionLost } from "./errors.ts";

/** Followers begin with a listing that is a little older than the shared watch; so much of the past is remembered. */
const REMEMBERED_EVENTS = 500;
/** A follower that does not read holds nobody up; it is sent away to begin where it was. */
const WAITING_EVENTS_MAX = 10_000;

type Open = (request: WatchRequest, signal: AbortSignal) => AsyncIterable<WatchResponse>;
type Batch = Extract<WatchResponse, { readonly kind: "events" }>;

export interface SharedRange {
  readonly key: Bytes;
  readonly rangeEnd: Bytes;
}

export class SharedWatch {
  readonly #range: SharedRange;
  readonly #open: Open;
  #stream: SharedStream | undefined;

  constructor(range: SharedRange, open: Open) {
    this.#range = range;
    this.#open = open;
  }

  /** Whether the shared watch hears everything that this request asks for. */
  covers({ key, rangeEnd, prevKv }: WatchRequest): boolean {
    if (prevKv === true || Buffer.compare(key, this.#range.key) < 0) return false;
    return rangeEnd === undefined
      ? Buffer.compare(key, this.#range.rangeEnd) < 0
      : !isToTheEnd(rangeEnd) && Buffer.compare(rangeEnd, this.#range.rangeEnd) <= 0;
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchResponse, void, undefined> {
    if (signal.aborted) return;
    const stream = this.#streamFrom(request.startRevision ?? 0n);
    if (stream === undefined) {
      yield* this.#open(request, signal);
      return;
    }
    const follower = stream.join(request);
    const wake = (): void => follower.wake();
    signal.addEventListener("abort", wake, { once: true });
    try {
      while (!signal.aborted) {
        const response = follower.take();
        if (response === undefined) await follower.news();
        else yield response;
      }
    } finally {
      signal.removeEventListener("abort", wake);
      stream.leave(follower);
    }
  }

  /** The stream that tells of everything from there on; undefined when the one there is began, or forgot, later. */
  #streamFrom(start: Revision): SharedStream | undefined {
    const current = this.#stream;
    if (current?.isOpen === true) return current.reachesBackTo(start) ? current : undefined;
    const stream = new SharedStream(start);
    this.#stream = stream;
    const request = { ...this.#range, startRevision: start, progressNotify: true };
    void stream.run(this.#open(request, stream.signal));
    return stream;
  }
}

/** One opened watch of the whole range. */
class SharedStream {
  readonly #stop = new AbortController();
  readonly #followers = new Set<Follower>();
  /** The latest batches: all that came from `#from` on. */
  #recent: Batch[] = [];
  #recentEvents = 0;
  #from: Revision;
  /** How far the store is known to be; undefined until the watch has been created. */
  #header: Header | undefined;
  #ended: { readonly error: unknown } | undefined;

  constructor(from: Revision) {
    this.#from = from;
  }

  get isOpen(): boolean {
    return this.#ended === undefined && !this.#stop.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  reachesBackTo(start: Revision): boolean {
    return start === 0n || (this.#from > 0n && start >= this.#from);
  }

  join(request: WatchRequest): Follower {
    const follower = new Follower(request);
    this.#followers.add(follower);
    if (this.#header !== undefined) {
      follower.begin(this.#header);
      for (const batch of this.#recent) follower.tell(batch);
    }
    return follower;
  }

  leave(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size === 0) this.#stop.abort();
  }

  async run(responses: AsyncIterable<WatchResponse>): Promise<void> {
    try {
      for await (const response of responses) this.#take(response);
      this.#end(connectionLost());
    } catch (error) {
      this.#end(error);
    }
  }

  #take(response: WatchResponse): void {
    const known = this.#header?.revision ?? 0n;
    const reached = response.kind === "events" ? lastRevision(response) : response.header.revision;
    this.#header = { ...response.header, revision: reached > known ? reached : known };
    if (response.kind === "created") {
      if (this.#from === 0n) this.#from = response.header.revision + 1n;
      for (const follower of this.#followers) follower.begin(this.#header);
      return;
    }
    if (response.kind === "events") this.#remember(response);
    for (const follower of this.#followers) follower.tell(response);
  }

  #remember(batch: Batch): void {
    this.#recent.push(batch);
    this.#recentEvents += batch.events.length;
    while (this.#recentEvents > REMEMBERED_EVENTS) {
      const oldest = this.#recent.shift();
      if (oldest === undefined) return;
      this.#recentEvents -= oldest.events.length;
      this.#from = lastRevision(oldest) + 1n;
    }
  }

  #end(error: unknown): void {
    this.#ended = { error };
    for (const follower of this.#followers) follower.end(error);
  }
}

/** One who follows a part, with what it has not taken yet. */
class Follower {
  readonly #request: WatchRequest;
  #waiting: WatchResponse[] = [];
  #waitingEvents = 0;
  /** The first revision it has not been told of. */
  #next: Revision;
  #ended: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(request: WatchRequest) {
    this.#request = request;
    this.#next = request.startRevision ?? 0n;
  }

  /** @throws what ended the shared watch, once all before it has been taken. */
  take(): WatchResponse | undefined {
    const response = this.#waiting.shift();
    if (response?.kind === "events") this.#waitingEvents -= response.events.length;
    if (response === undefined && this.#ended !== undefined) throw this.#ended.error;
    return response;
  }

  async news(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  wake(): void {
    this.#wake?.();
  }

  /** @param header how far the store is known to be; one that has listed may know it to be further. */
  begin(header: Header): void {
    if (this.#next === 0n) this.#next = header.revision + 1n;
    const revision = header.revision < this.#next - 1n ? this.#next - 1n : header.revision;
    this.#add({ kind: "created", header: { ...header, revision } });
  }

  tell(response: WatchResponse): void {
    if (this.#ended !== undefined || response.kind === "created") return;
    const reached = response.kind === "events" ? lastRevision(response) : response.header.revision;
    if (reached < this.#next) return;
    const events = response.kind === "events" ? response.events.filter((event) => this.#concerns(event)) : [];
    this.#next = reached + 1n;
    if (events.length > 0) this.#add({ kind: "events", header: response.header, events });
    else this.#add({ kind: "progress", header: { ...response.header, revision: reached } });
  }

  end(error: unknown): void {
    // What the shared watch wanted may be forgotten; what this one wants is not.
    const isOthers = error instanceof CompactedError && this.#next >= error.compactRevision;
    this.#ended ??= { error: isOthers ? connectionLost(error) : error };
    this.wake();
  }

  #add(response: WatchResponse): void {
    // Of progress only the latest matters.
    if (response.kind === "progress" && this.#waiting.at(-1)?.kind === "progress") this.#waiting.pop();
    this.#waiting.push(response);
    if (response.kind === "events") this.#waitingEvents += response.events.length;
    if (this.#waitingEvents > WAITING_EVENTS_MAX) {
      this.end(new StoreError("unavailable", "a watch was not read for too long"));
    }
    this.wake();
  }

  #concerns({ type, kv }: StoreEvent): boolean {
    const { key, rangeEnd, filters } = this.#request;
    if (kv.modRevision < this.#next) return false;
    if (filters?.includes(type === "put" ? "no-put" : "no-delete") === true) return false;
    const order = Buffer.compare(kv.key, key);
    return rangeEnd === undefined ? order === 0 : order >= 0 && Buffer.compare(kv.key, rangeEnd) < 0;
  }
}

function lastRevision({ events, header }: Batch): Revision {
  return events.at(-1)?.kv.modRevision ?? header.revision;
}

function isToTheEnd(rangeEnd: Bytes): boolean {
  return rangeEnd.length === 1 && rangeEnd[0] === 0;
}
