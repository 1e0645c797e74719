/**
 * The way from one daemon to the store, which can be slow, lose answers, or be cut in either direction.
 *
 * A request travels up, is carried out at the store in one moment, and its answer travels down; it fails with
 * `unavailable` when either part is lost, so that a caller never knows whether its write happened. A watch is a
 * connection: events that cannot get through wait, and after a while the connection counts as broken. What the
 * store has done is reported to an observer at the moment it was done.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { ForwardingStore } from "#store/forwarding-store.ts";
import {
  type CallOptions,
  type Revision,
  type Store,
  StoreError,
  type TxnRequest,
  type TxnResponse,
  type WatchRequest,
  type WatchResponse,
} from "#store/store.ts";
import { Channel } from "./channel.ts";
import type { ProcessClock } from "./process-clock.ts";

/** The state of one machine's network; it outlives its daemons. */
export interface Network {
  /** Requests do not reach the store. */
  cutUp: boolean;
  /** Answers and events do not reach the machine. */
  cutDown: boolean;
  /** A cut is noticed at once (refused) rather than after a timeout (dropped). */
  refuses: boolean;
  /** Share of requests whose connection breaks on the way there or back, 0 to 1. */
  lossShare: number;
  /** Longest time a message takes one way, milliseconds. */
  latencyMs: number;
}

export function goodNetwork(): Network {
  return { cutUp: false, cutDown: false, refuses: false, lossShare: 0, latencyMs: 2 };
}

/** One daemon of one machine. */
export interface Writer {
  readonly machine: string;
  readonly instance: string;
}

/** A write that was carried out, and who asked for it. */
export interface Written {
  readonly writer: Writer;
  readonly request: TxnRequest;
  readonly revision: Revision;
}

export interface LinkOptions {
  /** Undefined while the store is away. */
  readonly store: () => Store | undefined;
  /** Time outside the process: messages under way do not stop when a process does. */
  readonly world: Clock;
  readonly process: ProcessClock;
  readonly random: Random;
  readonly network: Network;
  readonly writer: Writer;
  /** A transaction has come to the store. */
  readonly onRequest: (request: TxnRequest) => void;
  /** A transaction has been carried out; its answer is not on its way yet. */
  readonly onWritten: (written: Written) => void;
}

const REQUEST_TIMEOUT_MS = 3_000;
const CONNECTION_TIMEOUT_MS = 4_000;

interface Stream {
  readonly channel: Channel<WatchResponse>;
  readonly connection: AbortController;
  /** Events that wait for the way down to be open again. */
  held: (() => void)[];
  /** Events on their way down: a stream keeps their order. */
  readonly underWay: (() => void)[];
  /** Set while the request for the watch has not got through to the store. */
  ask: (() => void) | undefined;
  lastMs: number;
}

export class Link extends ForwardingStore {
  readonly #options: LinkOptions;
  readonly #streams = new Set<Stream>();

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
  }

  override txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse> {
    return this.forward(async (store) => {
      const { writer, onRequest, onWritten } = this.#options;
      onRequest(request);
      const response = await store.txn(request);
      if (response.succeeded) onWritten({ writer, request, revision: response.header.revision });
      return response;
    }, options);
  }

  async *watch(
    request: WatchRequest,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<WatchResponse, void, undefined> {
    if (options.signal.aborted) return;
    const stream = this.#open(request);
    const onAbort = (): void => stream.channel.end();
    options.signal.addEventListener("abort", onAbort, { once: true });
    try {
      yield* stream.channel.read();
    } finally {
      options.signal.removeEventListener("abort", onAbort);
      this.#drop(stream);
    }
  }

  async close(): Promise<void> {
    this.disconnect();
  }

  /** The process is gone: its connections close, what it has sent still arrives. */
  disconnect(): void {
    for (const stream of [...this.#streams]) this.#drop(stream);
  }

  /** Every connection breaks; what was under way on it is lost. */
  reset(): void {
    const { process } = this.#options;
    for (const stream of [...this.#streams]) {
      this.#drop(stream);
      process.run(() => stream.channel.fail(broken()));
    }
  }

  /** To be called when the network's state has changed. */
  networkChanged(): void {
    const { network, world } = this.#options;
    for (const stream of [...this.#streams]) {
      if (network.cutDown || network.cutUp) this.#watchOver(stream, world);
      if (!network.cutUp) stream.ask?.();
      if (!network.cutDown) this.#release(stream);
    }
  }

  protected forward<T>(ask: (store: Store) => Promise<T>, options: CallOptions | undefined): Promise<T> {
    const { world, process } = this.#options;
    const signal = options?.signal;
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      let open = true;
      const settle = (act: () => void): void => {
        if (!open) return;
        open = false;
        timeout.cancel();
        signal?.removeEventListener("abort", onAbort);
        act();
      };
      const onAbort = (): void => settle(() => reject(signal?.reason));
      const fail = (text: string): void => reject(new StoreError("unavailable", text));
      const timeout = process.setTimer(REQUEST_TIMEOUT_MS, () => settle(() => fail("the request timed out")));
      signal?.addEventListener("abort", onAbort, { once: true });
      const answer = (act: () => void): void => {
        world.setTimer(this.#delayMs(), () => process.run(() => settle(act)));
      };
      world.setTimer(this.#delayMs(), () => this.#arrive(ask, answer, { resolve, reject, fail }));
    });
  }

  /** The request is at the store's door; `answer` sends something back. */
  #arrive<T>(ask: (store: Store) => Promise<T>, answer: (act: () => void) => void, ends: Ends<T>): void {
    const { network } = this.#options;
    if (network.cutUp) {
      if (network.refuses) answer(() => ends.fail("no route to the store"));
      return;
    }
    const store = this.#options.store();
    if (store === undefined || this.#isLost()) {
      answer(() => ends.fail("the connection was refused"));
      return;
    }
    ask(store).then(
      (value) => this.#answer(answer, () => ends.resolve(value), ends),
      (error: unknown) => this.#answer(answer, () => ends.reject(error), ends),
    );
  }

  #answer<T>(answer: (act: () => void) => void, act: () => void, ends: Ends<T>): void {
    const { network } = this.#options;
    if (network.cutDown && !network.refuses) return;
    if (network.cutDown || this.#isLost())
      answer(() => ends.fail("the connection broke before the answer came"));
    else answer(act);
  }

  #isLost(): boolean {
    const { network, random } = this.#options;
    return network.lossShare > 0 && random.next() < network.lossShare;
  }

  #delayMs(): number {
    const { network, random } = this.#options;
    return 0.05 + random.next() * network.latencyMs;
  }

  #open(request: WatchRequest): Stream {
    const { world, network } = this.#options;
    const stream: Stream = {
      channel: new Channel(),
      connection: new AbortController(),
      held: [],
      underWay: [],
      ask: undefined,
      lastMs: 0,
    };
    this.#streams.add(stream);
    const ask = (): void => {
      stream.ask = network.cutUp ? ask : undefined;
      if (network.cutUp) this.#watchOver(stream, world);
      else this.#arriveWatch(request, stream);
    };
    world.setTimer(this.#delayMs(), ask);
    return stream;
  }

  #arriveWatch(request: WatchRequest, stream: Stream): void {
    const store = this.#options.store();
    if (store === undefined) this.#deliver(stream, () => stream.channel.fail(broken()));
    else void this.#pump(store, request, stream);
  }

  async #pump(store: Store, request: WatchRequest, stream: Stream): Promise<void> {
    try {
      for await (const response of store.watch(request, { signal: stream.connection.signal })) {
        this.#deliver(stream, () => stream.channel.push(response));
      }
    } catch (error) {
      this.#deliver(stream, () => stream.channel.fail(error));
    }
  }

  /** Hands something to the process behind everything that was handed before. */
  #deliver(stream: Stream, act: () => void): void {
    const { network, process, world } = this.#options;
    if (network.cutDown) {
      stream.held.push(act);
      this.#watchOver(stream, world);
      return;
    }
    const dueMs = Math.max(stream.lastMs, world.monotonic() + this.#delayMs());
    stream.lastMs = dueMs;
    stream.underWay.push(act);
    world.setTimer(dueMs - world.monotonic(), () => {
      const first = stream.underWay.shift();
      process.run(() => {
        if (this.#streams.has(stream)) first?.();
      });
    });
  }

  #release(stream: Stream): void {
    for (const act of stream.held.splice(0)) this.#deliver(stream, act);
  }

  /** A connection through which nothing gets for a while is broken. */
  #watchOver(stream: Stream, world: Clock): void {
    const { network, process } = this.#options;
    const patienceMs = network.refuses ? 1 : CONNECTION_TIMEOUT_MS;
    world.setTimer(patienceMs, () => {
      if ((!network.cutUp && !network.cutDown) || !this.#streams.has(stream)) return;
      this.#drop(stream);
      process.run(() => stream.channel.fail(broken()));
    });
  }

  #drop(stream: Stream): void {
    this.#streams.delete(stream);
    stream.connection.abort();
  }
}

interface Ends<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  readonly fail: (text: string) => void;
}

function broken(): StoreError {
  return new StoreError("unavailable", "the connection to the store broke");
}
