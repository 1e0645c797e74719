/**
 * How much of the past the store remembers, so that it does not grow for ever: everything of the last five minutes,
 * but no more than a number of revisions. Nothing is done while nothing is written.
 */
import type { Clock, Timer } from "#base/clock.ts";
import type { Revision } from "../store.ts";

export interface RetentionLimits {
  readonly periodMs: number;
  readonly revisionsMax: bigint;
}

export const DEFAULT_RETENTION: RetentionLimits = { periodMs: 300_000, revisionsMax: 20_000n };

export interface RetentionOptions extends RetentionLimits {
  readonly clock: Clock;
  readonly compact: (revision: Revision) => void;
}

export class Retention {
  readonly #options: RetentionOptions;
  #timer: Timer | undefined;
  #compacted: Revision;

  constructor(options: RetentionOptions, compacted: Revision) {
    this.#options = options;
    this.#compacted = compacted;
  }

  /** Tells of the store's new revision. */
  note(revision: Revision): void {
    const { revisionsMax, periodMs, clock } = this.#options;
    // Twice the number, so that compaction is rare and its cost is shared by many writes.
    if (revision - this.#compacted > 2n * revisionsMax) this.#compact(revision - revisionsMax);
    this.#timer ??= clock.setTimer(periodMs, () => {
      this.#timer = undefined;
      this.#compact(revision);
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #compact(revision: Revision): void {
    if (revision <= this.#compacted) return;
    this.#compacted = revision;
    this.#options.compact(revision);
  }
}
