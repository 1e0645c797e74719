/** Lines of several machines in the order of their times. Pure. */
import type { JournalLine } from "#api/bodies.ts";

/** Of the same time, machines come in the order of their IDs: the order that a cursor counts on (api/journal.ts). */
export function compareLines(a: JournalLine, b: JournalLine): number {
  return a.timeUs - b.timeUs || (a.machine < b.machine ? -1 : a.machine > b.machine ? 1 : 0);
}

/** Takes from each source as much as it needs and no more; sources end by themselves. */
export async function* mergeLines(
  sources: readonly AsyncIterator<JournalLine>[],
  reverse: boolean,
): AsyncGenerator<JournalLine, void> {
  const heads = await Promise.all(sources.map(async (source) => ({ source, next: await source.next() })));
  for (;;) {
    const [first, ...others] = heads.flatMap((head) =>
      head.next.done === true ? [] : [{ head, line: head.next.value }],
    );
    if (first === undefined) return;
    const isBefore = (a: JournalLine, b: JournalLine): boolean => compareLines(a, b) * (reverse ? -1 : 1) < 0;
    const { head, line } = others.reduce((best, one) => (isBefore(one.line, best.line) ? one : best), first);
    yield line;
    head.next = await head.source.next();
  }
}

/** The last so many. */
export async function lastOf<T>(items: AsyncIterable<T>, count: number): Promise<readonly T[]> {
  const last: T[] = [];
  for await (const item of items) {
    last.push(item);
    if (last.length >= 2 * count + 1) last.splice(0, last.length - count);
  }
  return last.slice(Math.max(0, last.length - count));
}

/**
 * Lines that arrive while they are written, held back a moment, so that those of a machine whose lines take longer still
 * come in their turn. A line that comes later than that is shown late rather than not at all.
 */
export class ReorderWindow {
  readonly #windowMs: number;
  #held: { readonly line: JournalLine; readonly arrivedMs: number }[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  get size(): number {
    return this.#held.length;
  }

  add(line: JournalLine, nowMs: number): void {
    this.#held.push({ line, arrivedMs: nowMs });
  }

  /** When the next lines are due; undefined when none is held. */
  get dueMs(): number | undefined {
    const first = this.#held[0];
    return first === undefined ? undefined : first.arrivedMs + this.#windowMs;
  }

  /** Everything up to the latest time of the lines that have waited long enough, in order. */
  take(nowMs: number): readonly JournalLine[] {
    const due = this.#held.filter(({ arrivedMs }) => arrivedMs + this.#windowMs <= nowMs);
    if (due.length === 0) return [];
    const last = due.reduce((latest, one) => (compareLines(one.line, latest.line) > 0 ? one : latest)).line;
    const taken = this.#held.filter(({ line }) => compareLines(line, last) <= 0);
    this.#held = this.#held.filter(({ line }) => compareLines(line, last) > 0);
    return taken.map(({ line }) => line).sort(compareLines);
  }
}
