/** Keeps the number of events bounded: now and then the oldest are deleted. */

import { ranges } from "#model/keys.ts";
import { LIMITS } from "#model/limits.ts";
import { prefixRange } from "#store/keys.ts";
import type { Compare, RequestOp, Store } from "#store/store.ts";

/** Events are trimmed after so many writes, so that trimming costs little and the bound is exceeded by little. */
const TRIM_EVERY = 200;

export class EventTrimmer {
  readonly #store: Store;
  #written = TRIM_EVERY;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Counts what was written; events are among it. */
  wrote(operations: number): void {
    this.#written += operations;
  }

  /** Deletes the oldest events beyond the limit, if enough was written since the last time and the guard holds. */
  async trim(stillElected: Compare): Promise<void> {
    if (this.#written < TRIM_EVERY) return;
    this.#written = 0;
    const range = prefixRange(ranges.events);
    const { count } = await this.#store.range({ ...range, countOnly: true });
    if (count <= LIMITS.events) return;
    const oldest = await this.#store.range({ ...range, limit: count - LIMITS.events + 1, keysOnly: true });
    const firstKept = oldest.kvs.at(-1)?.key;
    if (firstKept === undefined) return;
    const trimming: RequestOp = { kind: "delete-range", request: { key: range.key, rangeEnd: firstKept } };
    await this.#store.txn({ compare: [stillElected], success: [trimming], failure: [] });
  }
}
