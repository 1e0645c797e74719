/**
 * How much of the past the store remembers, so that it does not grow for ever: everything of the last five minutes,
 * but no more than a number of revisions. Nothing is done while nothing is written.
 */
import type { Clock, Timer } from "#base/clock.ts";

export interface RetentionLimits {
  readonly periodMs: number;
  readonly revisionsMax: number;
}

export const DEFAULT_RETENTION: RetentionLimits = { periodMs: 300_000, revisionsMax: 20_000 };

export interface RetentionOptions extends RetentionLimits {
  readonly clock: Clock;
  readonly compact: (revision: number) => void;
}

export class Retention {
  readonly #options: RetentionOptions;
  #timer: Timer | undefined;
  #compacted: number;
  #latest: number;

  constructor(options: RetentionOptions, compacted: number) {
    this.#options = options;
    this.#compacted = compacted;
    this.#latest = compacted;
  }

  /** Tells of the store's new revision. */
  note(revision: number): void {
    const { revisionsMax } = this.#options;
    this.#latest = revision;
    // Twice the number, so that compaction is rare and its cost is shared by many writes.
    if (revision - this.#compacted > 2 * revisionsMax) this.#compact(revision - revisionsMax);
    this.#arm();
  }

  /** What is the latest now is old after one period; what has come meanwhile waits for the next. */
  #arm(): void {
    if (this.#latest <= this.#compacted) return;
    const boundary = this.#latest;
    this.#timer ??= this.#options.clock.setTimer(this.#options.periodMs, () => {
      this.#timer = undefined;
      this.#compact(boundary);
      this.#arm();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #compact(revision: number): void {
    if (revision <= this.#compacted) return;
    this.#compacted = revision;
    this.#options.compact(revision);
  }
}
