/** A store between a mirror and the real one, on which the tests set faults. */
import { toText } from "#store/keys.ts";
import {
  type RangeRequest,
  type Revision,
  type Store,
  StoreError,
  type WatchRequest,
  type WatchResponse,
} from "#store/store.ts";

export class FaultyStore {
  /** Watches say nothing more after they were created, as when the peer is gone without a word. */
  watchesAreSilent = false;
  rangesFail = false;
  /** What a watch is told at its beginning, as by a member that has fallen behind. */
  createdRevision: Revision | undefined;
  /** A key whose events get lost on the way. */
  swallow: string | undefined;
  /** A key whose next event comes behind the one after it. */
  delay: string | undefined;
  watches = 0;
  readonly ranges: RangeRequest[] = [];
  readonly store: Store;
  #inner: Store;
  /** Ends the watches that are open, as a lost connection does. */
  #cut = new AbortController();

  constructor(inner: Store) {
    this.#inner = inner;
    this.store = {
      put: (...call) => this.#inner.put(...call),
      deleteRange: (...call) => this.#inner.deleteRange(...call),
      txn: (...call) => this.#inner.txn(...call),
      compact: (...call) => this.#inner.compact(...call),
      leaseGrant: (...call) => this.#inner.leaseGrant(...call),
      leaseRevoke: (...call) => this.#inner.leaseRevoke(...call),
      leaseKeepAlive: (...call) => this.#inner.leaseKeepAlive(...call),
      leaseTimeToLive: (...call) => this.#inner.leaseTimeToLive(...call),
      leaseList: (...call) => this.#inner.leaseList(...call),
      close: () => this.#inner.close(),
      range: (request, options) => {
        this.ranges.push(request);
        return this.rangesFail
          ? Promise.reject(new StoreError("unavailable", "away"))
          : this.#inner.range(request, options);
      },
      watch: (request, { signal }) => this.#watch(request, signal),
    };
  }

  cut(): void {
    this.#cut.abort();
    this.#cut = new AbortController();
  }

  /** From now on another store answers. */
  replaceBy(inner: Store, { keepStreams = false } = {}): void {
    this.#inner = inner;
    if (!keepStreams) this.cut();
  }

  async *#watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchResponse, void, undefined> {
    this.watches += 1;
    const cut = this.#cut.signal;
    const both = AbortSignal.any([signal, cut]);
    let late: WatchResponse | undefined;
    for await (const response of this.#inner.watch(request, { signal: both })) {
      if (this.watchesAreSilent && response.kind !== "created") continue;
      if (response.kind === "events" && response.events.some(({ kv }) => toText(kv.key) === this.delay)) {
        this.delay = undefined;
        late = response;
        continue;
      }
      yield this.#distorted(response);
      if (late !== undefined) yield late;
      late = undefined;
    }
    if (cut.aborted) throw new StoreError("unavailable", "cut");
  }

  #distorted(response: WatchResponse): WatchResponse {
    if (response.kind === "created" && this.createdRevision !== undefined) {
      return { ...response, header: { ...response.header, revision: this.createdRevision } };
    }
    if (response.kind !== "events") return response;
    return { ...response, events: response.events.filter(({ kv }) => toText(kv.key) !== this.swallow) };
  }
}
