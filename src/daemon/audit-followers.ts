/** Those who follow the audit log: what the disk has, and then, without a gap, what is noted. */
import type { AuditEntry } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import { LIMITS } from "#model/limits.ts";

/** What is kept already. */
export interface KeptEntries {
  readonly read: (sinceMs: number) => AsyncIterable<AuditEntry>;
  /** Resolves when what was noted until now can be read. */
  readonly settled: () => Promise<void>;
}

export class AuditFollowers {
  readonly #kept: KeptEntries;
  readonly #followers = new Set<News>();

  constructor(kept: KeptEntries) {
    this.#kept = kept;
  }

  tell(entry: AuditEntry): void {
    for (const follower of this.#followers) follower.add(entry);
  }

  /** @throws FlotillaError `limit-exceeded` for a reader that falls too far behind */
  async *follow(afterMs: number, signal: AbortSignal): AsyncGenerator<AuditEntry, void> {
    const news = new News(signal);
    this.#followers.add(news);
    try {
      await this.#kept.settled();
      // What is noted from here on is among the news, and is on the disk as well, sooner or later.
      for await (const entry of this.#kept.read(afterMs))
        if (entry.timeMs > afterMs && !news.has(entry)) yield entry;
      while (await news.come()) yield* news.take();
    } finally {
      this.#followers.delete(news);
    }
  }
}

/** Entries that wait for one reader. */
class News {
  readonly #signal: AbortSignal;
  readonly #entries = new Map<number, AuditEntry>();
  #wake = Promise.withResolvers<void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake.resolve(), { once: true });
  }

  /** One more than may wait is kept, which tells that there were too many. */
  add(entry: AuditEntry): void {
    if (this.#entries.size <= LIMITS.watchBacklogEvents) this.#entries.set(entry.timeMs, entry);
    this.#wake.resolve();
  }

  /** By its time, which no other entry of the machine has. */
  has({ timeMs }: AuditEntry): boolean {
    return this.#entries.has(timeMs);
  }

  /** Resolves when there are entries, to false when nobody reads any more. */
  async come(): Promise<boolean> {
    if (this.#entries.size === 0 && !this.#signal.aborted) await this.#wake.promise;
    this.#wake = Promise.withResolvers();
    return !this.#signal.aborted;
  }

  take(): readonly AuditEntry[] {
    const taken = [...this.#entries.values()];
    if (taken.length > LIMITS.watchBacklogEvents) throw tooSlow();
    this.#entries.clear();
    return taken;
  }
}

function tooSlow(): FlotillaError {
  return new FlotillaError(
    "limit-exceeded",
    `the reader fell more than ${LIMITS.watchBacklogEvents} changes behind`,
    { hint: "ask again for those behind the last that came", retryable: true },
  );
}
