/** A watch that is opened again whenever it breaks, by the one rule: from the last event's revision + 1. */
import { once } from "node:events";
import { sleep } from "#base/clock.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { startMirror } from "#mirror/mirror.ts";
import { prefixRange, toText } from "#store/keys.ts";
import { type Revision, type Store, StoreError, type StoreEvent } from "#store/store.ts";
import { PREFIX } from "./clients.ts";
import type { Batch, WatchedEvent } from "./guarantees.ts";

export interface Watched {
  readonly batches: readonly Batch[];
  /** How often the watch was opened. */
  readonly streams: number;
  /** Resolves when a change of this revision has been told of. */
  reached(revision: Revision): Promise<void>;
  stop(): Promise<void>;
}

/** What both kinds of watchers collect. */
class Collected extends EventTarget {
  readonly batches: Batch[] = [];
  #last: Revision = 0n;

  add(batch: Batch): void {
    this.batches.push(batch);
    this.#last = batch.at(-1)?.revision ?? this.#last;
    this.dispatchEvent(new Event("batch"));
  }

  get last(): Revision {
    return this.#last;
  }

  async reached(revision: Revision): Promise<void> {
    while (this.#last < revision) await once(this, "batch");
  }
}

/** Watches the keys of the clients from a revision on, resuming by hand. */
export function watchByHand(store: Store, from: Revision): Watched {
  const collected = new Collected();
  const stop = new AbortController();
  let streams = 0;
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      streams += 1;
      const startRevision = collected.last === 0n ? from : collected.last + 1n;
      try {
        for await (const response of store.watch({ ...prefixRange(PREFIX), startRevision }, stop)) {
          if (response.kind === "events") collected.add(response.events.map(toWatched));
        }
      } catch (error) {
        if (!(error instanceof StoreError) || !error.retryable) throw error;
        await sleep(systemClock, 10);
      }
    }
  };
  const running = run();
  return {
    batches: collected.batches,
    get streams() {
      return streams;
    },
    reached: (revision) => Promise.race([collected.reached(revision), running]),
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}

/** The same by a mirror that has listed the keys while there were none. */
export async function watchByMirror(store: Store): Promise<Watched> {
  const collected = new Collected();
  let streams = 0;
  const mirror = startMirror({
    ...{ store, prefix: PREFIX, clock: systemClock, random: systemRandom },
    onConnected: (connected) => {
      if (connected) streams += 1;
    },
    onBatch: ({ changes }) => {
      if (changes.length === 0) return;
      collected.add(
        changes.map(({ key, value, modRevision }) => ({
          key,
          value: value === undefined ? undefined : toText(value),
          revision: modRevision,
        })),
      );
    },
  });
  await mirror.ready();
  return {
    batches: collected.batches,
    get streams() {
      return streams;
    },
    reached: (revision) => collected.reached(revision),
    stop: () => mirror.stop(),
  };
}

function toWatched({ type, kv }: StoreEvent): WatchedEvent {
  return {
    key: toText(kv.key),
    revision: kv.modRevision,
    value: type === "put" ? toText(kv.value) : undefined,
  };
}
