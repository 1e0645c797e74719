/**
 * One watch on a stream of its own, from etcd's answers to the store's.
 *
 * Invariants: a batch of events is whole, however many fragments it came in; what is yielded as progress is a promise
 * of the store that all before it was sent; a stream that says nothing is asked for a sign of life.
 */
import type { Clock, Timer } from "#base/clock.ts";
import {
  CompactedError,
  StoreError,
  type StoreEvent,
  type WatchRequest,
  type WatchResponse,
} from "../store.ts";
import { watchRequest, watchResponse } from "../wire/etcd-messages.ts";
import { decode, encode } from "../wire/message.ts";
import { StreamCall } from "./stream-call.ts";
import type { CallContext } from "./unary.ts";

const WATCH_PATH = "/etcdserverpb.Watch/Watch";
/** After so long a silence the store is asked how far it is, which it answers when all was sent. */
const PROBE_INTERVAL_MS = 10_000;
/** While it catches up, etcd leaves the question unanswered; a stream that is silent this long is no good any more. */
const PROBES_MAX = 3;

type Answer = ReturnType<typeof watchResponse.read>;

/** @throws CompactedError when the start has been compacted; StoreError when the store or the connection ends it. */
export async function* watchStore(
  context: CallContext,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchResponse, void, undefined> {
  if (signal.aborted) return;
  const call = await StreamCall.open(context, WATCH_PATH);
  const close = (): void => call.close();
  signal.addEventListener("abort", close, { once: true });
  const probe = new Probe(call, context.clock);
  try {
    call.send(encode(watchRequest, { create: { ...request, fragment: true } }));
    const fragments = new Fragments();
    for await (const message of call.messages()) {
      if (signal.aborted) return;
      probe.heard();
      const answer = decode(watchResponse, message);
      if (answer.canceled) context.credentials?.doubt();
      const response = fragments.add(answer);
      if (response !== undefined) yield response;
      probe.listen();
    }
    if (!signal.aborted) throw new StoreError("unavailable", "the store ended the watch");
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    probe.stop();
    signal.removeEventListener("abort", close);
    call.close();
  }
}

/** Puts batches together and tells answers apart. */
export class Fragments {
  #events: StoreEvent[] = [];

  /** Undefined for what is no news: a piece of a batch, or the answer to a probe. @throws StoreError */
  add(answer: Answer): WatchResponse | undefined {
    if (answer.canceled || answer.compactRevision !== 0n) throw endOf(answer);
    const header = { revision: answer.header.revision, clusterId: answer.header.clusterId };
    if (answer.created) return { kind: "created", header };
    if (answer.events.length > 0) {
      this.#events.push(...answer.events);
      if (answer.fragment) return undefined;
      const events = this.#events;
      this.#events = [];
      return { kind: "events", header, events };
    }
    // Etcd before 3.4.25 lets the answer to a probe, which names no watch, overtake events: it promises nothing.
    return answer.watchId < 0n ? undefined : { kind: "progress", header };
  }
}

function endOf({ compactRevision, cancelReason }: Answer): StoreError {
  if (compactRevision !== 0n) return new CompactedError(compactRevision);
  const isRefusal = cancelReason.includes("permission denied");
  return new StoreError(
    isRefusal ? "permission-denied" : "unknown",
    cancelReason || "the store ended the watch",
  );
}

/** Asks a silent stream for a sign of life, but only while its reader waits: who does not read hears nothing. */
class Probe {
  readonly #call: StreamCall;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #heardMs: number;
  #unanswered = 0;

  constructor(call: StreamCall, clock: Clock) {
    this.#call = call;
    this.#clock = clock;
    this.#heardMs = clock.monotonic();
    this.#arm(PROBE_INTERVAL_MS);
  }

  heard(): void {
    this.#unanswered = 0;
    this.#heardMs = Number.POSITIVE_INFINITY;
  }

  listen(): void {
    this.#heardMs = this.#clock.monotonic();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, () => this.#check());
  }

  #check(): void {
    const silentMs = this.#clock.monotonic() - this.#heardMs;
    if (silentMs < PROBE_INTERVAL_MS) {
      this.#arm(PROBE_INTERVAL_MS - Math.max(0, silentMs));
      return;
    }
    if (this.#unanswered === PROBES_MAX) {
      this.#call.suspect(this.#heardMs);
      return;
    }
    this.#unanswered += 1;
    this.#call.send(encode(watchRequest, { progress: {} }));
    this.#arm(PROBE_INTERVAL_MS);
  }
}
