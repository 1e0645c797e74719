/**
 * The store that the parts of the daemon hold, whichever it is at the moment.
 *
 * After a switch every call goes to the new one, and watches of the old one end. Whoever resumes them finds by the
 * cluster ID in the answers that revisions now mean something else, and lists again.
 */
import { ForwardingStore } from "#store/forwarding-store.ts";
import {
  type CallOptions,
  type Store,
  StoreError,
  type WatchRequest,
  type WatchResponse,
} from "#store/store.ts";

export class SwitchableStore extends ForwardingStore {
  #current: Store;
  /** Ends the watches of the current store when it is no longer the one. */
  #use = new AbortController();

  constructor(store: Store) {
    super();
    this.#current = store;
  }

  /** From now on this is the store. The caller closes the one before. */
  switchTo(store: Store): void {
    this.#current = store;
    this.#use.abort();
    this.#use = new AbortController();
  }

  protected forward<T>(
    use: (store: Store, options?: CallOptions) => Promise<T>,
    options: CallOptions | undefined,
  ): Promise<T> {
    return use(this.#current, options);
  }

  async *watch(
    request: WatchRequest,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<WatchResponse, void, undefined> {
    const use = this.#use.signal;
    yield* this.#current.watch(request, { signal: AbortSignal.any([signal, use]) });
    if (use.aborted && !signal.aborted) throw new StoreError("unavailable", "the store is another one now");
  }

  close(): Promise<void> {
    return this.#current.close();
  }
}
