/** Sequences that are each in order, as one that is. Pure. */

/**
 * Takes from whichever source comes first by `compare`; where two are equal, from the one that stands first. Each source
 * is read one item ahead.
 */
export function* mergeOrdered<T>(
  sources: readonly Iterator<T>[],
  compare: (a: T, b: T) => number,
): Generator<T, void> {
  const heads = sources.flatMap((source, rank) => {
    const first = source.next();
    return first.done === true ? [] : [{ source, rank, item: first.value }];
  });
  const isBefore = (a: Headed<T>, b: Headed<T>): boolean => {
    const order = compare(a.item, b.item);
    return order === 0 ? a.rank < b.rank : order < 0;
  };
  for (let at = Math.floor(heads.length / 2) - 1; at >= 0; at--) sink(heads, at, isBefore);
  for (let top = heads[0]; top !== undefined; top = heads[0]) {
    yield top.item;
    const next = top.source.next();
    const last = next.done === true ? heads.pop() : undefined;
    if (next.done !== true) top.item = next.value;
    else if (last !== undefined && last !== top) heads[0] = last;
    sink(heads, 0, isBefore);
  }
}

interface Headed<T> {
  readonly source: Iterator<T>;
  readonly rank: number;
  item: T;
}

/** Lets the element at `at` of a heap sink to its place. */
function sink<T>(heap: T[], at: number, isBefore: (a: T, b: T) => boolean): void {
  for (let place = at; ; ) {
    const left = heap[2 * place + 1];
    const right = heap[2 * place + 2];
    const here = heap[place];
    if (here === undefined || left === undefined) return;
    const goesRight = right !== undefined && isBefore(right, left);
    const child = goesRight ? right : left;
    if (!isBefore(child, here)) return;
    const below = 2 * place + (goesRight ? 2 : 1);
    heap[place] = child;
    heap[below] = here;
    place = below;
  }
}
