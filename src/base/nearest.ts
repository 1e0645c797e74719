/** Did-you-mean: the candidate a mistyped word most likely stands for. */

/** Two words further apart than this share of the longer one's length are different words, not a typing mistake. */
const FURTHEST_SHARE = 0.4;

/**
 * The candidate with the fewest edits (insert, delete, replace, swap of neighbours) from `word`, case ignored, or
 * undefined when none is near. Of equally near ones the first wins.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const typed = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const longer = Math.max(word.length, candidate.length);
    const furthest = Math.min(Math.floor(longer * FURTHEST_SHARE), bestDistance - 1);
    if (Math.abs(word.length - candidate.length) > furthest) continue;
    const distance = editDistance(typed, candidate.toLowerCase(), furthest);
    if (distance > furthest) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** Optimal string alignment distance (Levenshtein's with swaps of neighbouring letters); any above `furthest` is Infinity. */
function editDistance(from: string, to: string, furthest: number): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = countTo(to.length);
  let leastOfLast = 0;
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= to.length; j++) {
      const replaced = at(last, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
          ? at(beforeLast, j - 2) + 1
          : Number.POSITIVE_INFINITY;
      const distance = Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1, swapped);
      least = Math.min(least, distance);
      row.push(distance);
    }
    // No later row has anything less than the least of two in a row.
    if (least > furthest && leastOfLast > furthest) return Number.POSITIVE_INFINITY;
    leastOfLast = least;
    beforeLast = last;
    last = row;
  }
  return at(last, to.length);
}

/** 0, 1, … up to `end`. */
function countTo(end: number): readonly number[] {
  const numbers: number[] = [];
  for (let number = 0; number <= end; number++) numbers.push(number);
  return numbers;
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
