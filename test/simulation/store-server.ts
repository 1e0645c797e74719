/**
 * The store's process: it can stop and start again with what it had on its disk, giving every lease its time anew.
 * Sometimes what starts is another store with all that was in the last, as after it was moved to an etcd.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { MvccStore } from "#store/mvcc/mvcc-store.ts";
import { MvccState } from "#store/mvcc/state.ts";
import type { Store } from "#store/store.ts";

const MOVED_SHARE = 0.2;

export class StoreServer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #state = new MvccState();
  #clusterId = 1n;
  #store: Store | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Undefined while it is down. */
  get store(): Store | undefined {
    return this.#store;
  }

  get revision(): bigint {
    return BigInt(this.#state.revision);
  }

  start(): void {
    if (this.#store !== undefined) return;
    if (this.#random.next() < MOVED_SHARE) this.#clusterId += 1n;
    this.#store = new MvccStore({
      clock: this.#clock,
      random: this.#random,
      state: this.#state,
      identity: { clusterId: this.#clusterId, memberId: 1n },
    });
  }

  async stop(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }
}
