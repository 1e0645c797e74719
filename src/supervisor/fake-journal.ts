/** The journal of a fake machine: a list in memory, with the cursors and the following of a real one. */
import type { Clock } from "#base/clock.ts";
import type { JournalEntry, JournalQuery } from "./supervisor.ts";

/** Older entries of all units together are dropped, so that a long simulation does not grow. */
const MAX_ENTRIES = 10_000;

export class FakeJournal {
  readonly #clock: Clock;
  readonly #wake = new Set<() => void>();
  #entries: JournalEntry[] = [];
  #next = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  append(unit: string, message: string): void {
    const cursor = String(this.#next++);
    const timeUs = Math.round(this.#clock.now() * 1000);
    this.#entries.push({ cursor, timeUs, unit, stream: "supervisor", priority: 6, message });
    if (this.#entries.length > MAX_ENTRIES) this.#entries = this.#entries.slice(-MAX_ENTRIES / 2);
    for (const wake of this.#wake) wake();
  }

  async *read(unit: string, query: JournalQuery): AsyncGenerator<JournalEntry> {
    let after = Number(query.after ?? 0);
    let lines = query.lines ?? Number.POSITIVE_INFINITY;
    while (!query.signal?.aborted) {
      const fresh = this.#entries.filter((entry) => entry.unit === unit && Number(entry.cursor) > after);
      const wanted = fresh.slice(Math.max(0, fresh.length - lines));
      lines = Number.POSITIVE_INFINITY;
      after = Math.max(after, this.#next - 1);
      yield* wanted;
      if (!query.follow) return;
      if (after === this.#next - 1) await this.#changed(query.signal);
    }
  }

  #changed(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      this.#wake.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }
}
