/**
 * Etcd's Watch call: one stream that carries any number of watches, each with its ID.
 *
 * Invariants: nothing is sent for a watch before the answer that it was created; nothing after the one that it was
 * cancelled. Each watch pulls from the store only when the peer has room, so that a slow peer costs no memory.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { REQUEST_BYTES_MAX, REQUEST_OVERHEAD_BYTES } from "../mvcc/check.ts";
import { CompactedError, StoreError, type WatchResponse } from "../store.ts";
import { watchRequest, watchResponse } from "../wire/etcd-messages.ts";
import { decode, encode } from "../wire/message.ts";
import { showStatus } from "../wire/status.ts";
import { answerPieces } from "./answer-pieces.ts";
import type { Call } from "./grpc.ts";
import type { ServedStore } from "./served-store.ts";

type Request = ReturnType<typeof watchRequest.read>;
type Create = NonNullable<Request["create"]>;
type Answer = Parameters<typeof watchResponse.write>[1];
type Event = NonNullable<Answer["events"]>[number];

/** From this size on an answer is cut into pieces. */
const FRAGMENT_BYTES = REQUEST_BYTES_MAX + REQUEST_OVERHEAD_BYTES;
/** While so many watches have something that the peer has not taken, none is created. */
export const SENDING_MAX = 1_000;
/** Of the whole store: a watch costs some kilobytes. */
const WATCHES_MAX = 250_000;
/** The ID in answers that concern no single watch. */
const NO_WATCH = -1n;

export async function serveWatch(served: ServedStore, call: Call): Promise<void> {
  const stream = new WatchStream(served, call);
  try {
    for await (const message of call.messages) await stream.take(decode(watchRequest, message));
    // A client that has nothing more to ask for still hears of what it has asked for.
    await gone(call.signal);
  } finally {
    await stream.end();
  }
}

function gone(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

class WatchStream {
  readonly #served: ServedStore;
  readonly #call: Call;
  readonly #watches = new Map<bigint, { readonly stop: AbortController; readonly ended: Promise<void> }>();
  #nextId = 0n;
  /** Watches that have something the peer has not taken yet. */
  #sending = 0;
  #taken: (() => void) | undefined;

  constructor(served: ServedStore, call: Call) {
    this.#served = served;
    this.#call = call;
    call.signal.addEventListener("abort", () => this.#stopAll(), { once: true });
  }

  async take(request: Request): Promise<void> {
    while (this.#sending >= SENDING_MAX) await this.#someTaken();
    if (request.create !== undefined) await this.#create(request.create);
    else if (request.cancel !== undefined) await this.#cancel(request.cancel.watchId);
    else if (request.progress !== undefined) await this.#tellProgress();
  }

  /** Resolves when the peer has taken what one of the watches had for it, or is gone. */
  #someTaken(): Promise<void> {
    return new Promise((resolve) => {
      this.#taken = resolve;
    });
  }

  /** Ends every watch of the stream. */
  async end(): Promise<void> {
    this.#stopAll();
    await Promise.all([...this.#watches.values()].map(({ ended }) => ended));
  }

  #stopAll(): void {
    for (const { stop } of this.#watches.values()) stop.abort();
  }

  async #create(request: Create): Promise<void> {
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      const answer = { created: true, canceled: true, cancelReason: refusal };
      await this.#send({ ...answer, header: this.#served.header(), watchId: NO_WATCH });
      return;
    }
    const watchId = request.watchId === 0n ? this.#freeId() : request.watchId;
    const stop = new AbortController();
    this.#watches.set(watchId, { stop, ended: this.#run(watchId, request, stop.signal) });
  }

  /** Why the watch is not created, in etcd's words. */
  #refusalOf(request: Create): string | undefined {
    try {
      this.#served.checkRead(this.#call.caller, request);
    } catch (error) {
      if (error instanceof StoreError) return showStatus(error);
      throw error;
    }
    if (this.#served.store.status().watches >= WATCHES_MAX) return "etcdserver: too many requests";
    if (isEmptyRange(request)) return "mvcc: watcher range is empty";
    const isTaken = request.watchId !== 0n && this.#watches.has(request.watchId);
    return isTaken ? "mvcc: duplicate watch ID provided on the WatchStream" : undefined;
  }

  async #cancel(watchId: bigint): Promise<void> {
    const watch = this.#watches.get(watchId);
    if (watch === undefined) return;
    watch.stop.abort();
    await watch.ended;
    await this.#send({ header: this.#served.header(), watchId, canceled: true });
  }

  /** Promises that all up to the current revision has been sent; says nothing while it has not, as etcd does. */
  async #tellProgress(): Promise<void> {
    // At the beginning of a turn no watch is half way between being woken and sending.
    await nextTurn();
    if (this.#sending > 0) return;
    await this.#send({ header: this.#served.header(), watchId: NO_WATCH });
  }

  async #run(watchId: bigint, request: Create, signal: AbortSignal): Promise<void> {
    try {
      for await (const response of this.#served.store.watch(request, { signal })) {
        this.#sending += 1;
        await this.#sendAll(request, { ...this.#answerTo(response), watchId }).finally(() => {
          this.#sending -= 1;
          this.#taken?.();
        });
      }
    } catch (error) {
      await this.#sendEnd(watchId, error).catch(() => undefined);
    } finally {
      this.#watches.delete(watchId);
    }
  }

  #answerTo(response: WatchResponse): Answer {
    const header = this.#served.header(response.header);
    switch (response.kind) {
      case "created":
        return { header, created: true };
      case "events":
        return { header, events: response.events };
      case "progress":
        return { header };
    }
  }

  async #sendEnd(watchId: bigint, error: unknown): Promise<void> {
    if (this.#call.signal.aborted) return;
    const answer = { header: this.#served.header({ revision: 0n }), watchId, canceled: true };
    if (error instanceof CompactedError) {
      await this.#send({ ...answer, compactRevision: error.compactRevision });
    } else {
      await this.#send({ ...answer, cancelReason: error instanceof Error ? error.message : String(error) });
    }
  }

  #freeId(): bigint {
    while (this.#watches.has(this.#nextId)) this.#nextId += 1n;
    this.#nextId += 1n;
    return this.#nextId - 1n;
  }

  /** An answer that is too long goes out in pieces, where the client has said that it can put them together. */
  async #sendAll(request: Create, answer: Answer): Promise<void> {
    if (!request.fragment) return this.#send(answer);
    for (const piece of fragments(answer, FRAGMENT_BYTES)) {
      if (piece === undefined) await nextTurn();
      else await this.#send(piece);
    }
  }

  #send(answer: Answer): Promise<void> {
    const pieces = answerPieces(watchResponse, answer);
    return pieces instanceof Promise
      ? pieces.then((written) => this.#call.send(written))
      : this.#call.send(pieces);
  }
}

/** True where the end is not after the beginning; an end of one zero byte is no end. */
function isEmptyRange({ key, rangeEnd }: Create): boolean {
  if (rangeEnd.length === 0 || (rangeEnd.length === 1 && rangeEnd[0] === 0)) return false;
  return Buffer.compare(key, rangeEnd) >= 0;
}

/** How many events are measured at a time. */
const STEP_EVENTS = 128;
/** What numbers, tags and lengths of an event and its two keys take at the most. */
const EVENT_BYTES = 110;

/** At least what it takes on the wire. */
function sizeOf({ kv, prevKv }: Event): number {
  const bytesOf = (one: Event["kv"]): number => (one?.key?.length ?? 0) + (one?.value?.length ?? 0);
  return EVENT_BYTES + bytesOf(kv) + bytesOf(prevKv);
}

/**
 * The answer in pieces below a size, as far as single events are; all but the last say that they are pieces. Undefined is
 * where there may be a pause.
 */
export function* fragments(answer: Answer, bytesMax: number): Generator<Answer | undefined, void, undefined> {
  const { events = [] } = answer;
  const head = encode(watchResponse, { ...answer, events: [] }).length;
  let piece: Event[] = [];
  let bytes = head;
  for (const [at, event] of events.entries()) {
    if (at % STEP_EVENTS === STEP_EVENTS - 1) yield undefined;
    const size = sizeOf(event);
    if (piece.length > 0 && bytes + size >= bytesMax) {
      yield { ...answer, events: piece, fragment: true };
      piece = [];
      bytes = head;
    }
    piece.push(event);
    bytes += size;
  }
  yield { ...answer, events: piece };
}
