/** The journal of a fake machine: a list in memory, with the selection, the cursors and the following of a real one. */
import type { Clock } from "#base/clock.ts";
import { compileFilter, selectsUnit } from "./journal-filter.ts";
import type { JournalEntry, JournalQuery } from "./supervisor.ts";

/** Older entries of all units together are dropped, so that a long simulation does not grow. */
const MAX_ENTRIES = 10_000;
/** A fake machine comes up once. */
const BOOT = "0".repeat(32);

export class FakeJournal {
  readonly #clock: Clock;
  readonly #wake = new Set<() => void>();
  #entries: JournalEntry[] = [];
  #next = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  append(unit: string, message: string): void {
    this.#entries.push({
      cursor: String(this.#next++),
      timeUs: Math.round(this.#clock.now() * 1000),
      monotonicUs: Math.round(this.#clock.monotonic() * 1000),
      boot: BOOT,
      unit,
      origin: "supervisor",
      priority: 6,
      identifier: "flotilla",
      message,
      fields: { UNIT: unit, _TRANSPORT: "journal" },
    });
    if (this.#entries.length > MAX_ENTRIES) this.#entries = this.#entries.slice(-MAX_ENTRIES / 2);
    for (const wake of this.#wake) wake();
  }

  async *read(query: JournalQuery): AsyncGenerator<JournalEntry> {
    const select = compileFilter(query);
    const { boot = "0", reverse = false, signal } = query;
    if (boot !== "0" && boot !== BOOT) return;
    let after = Number(query.after ?? 0);
    let lines = query.lines ?? Number.POSITIVE_INFINITY;
    while (!signal?.aborted) {
      const later = this.#entries.filter((entry) => Number(entry.cursor) > after);
      const fresh = select(later.filter(({ unit }) => selectsUnit(query, unit)));
      const wanted = fresh.slice(Math.max(0, fresh.length - lines));
      lines = Number.POSITIVE_INFINITY;
      after = Math.max(after, this.#next - 1);
      yield* reverse ? wanted.reverse() : wanted;
      if (!query.follow) return;
      if (after === this.#next - 1) await this.#changed(signal);
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
