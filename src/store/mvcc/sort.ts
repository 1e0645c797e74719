/** Sorting a little at a time: the engine's own sort of 100,000 entries would hold everything else up. */
import type { Steps } from "./steps.ts";

/** How many items are sorted at once, and merged between two steps. */
const RUN_LENGTH = 64;

/** Texts in order of their characters. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The items in order, stable: sorted runs, which are then merged two and two. */
export function* sorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let at = 0; at < items.length; at += RUN_LENGTH) {
    runs.push(items.slice(at, at + RUN_LENGTH).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let at = 0; at < runs.length; at += 2) {
      merged.push(yield* merge(runs[at] ?? [], runs[at + 1] ?? [], compare));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): Steps<readonly T[]> {
  const merged: T[] = [];
  let atB = 0;
  for (const one of a) {
    for (; atB < b.length; atB += 1) {
      const other = b[atB] as T;
      if (compare(other, one) >= 0) break;
      merged.push(other);
      if (merged.length % RUN_LENGTH === 0) yield;
    }
    merged.push(one);
    if (merged.length % RUN_LENGTH === 0) yield;
  }
  for (; atB < b.length; atB += 1) merged.push(b[atB] as T);
  return merged;
}
