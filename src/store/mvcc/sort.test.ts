import fc from "fast-check";
import { expect, test } from "vitest";
import { sorted } from "./sort.ts";
import { atOnce } from "./steps.ts";

interface Item {
  readonly rank: number;
  readonly at: number;
}
const byRank = (a: Item, b: Item): number => a.rank - b.rank;

test("any number of items comes in order, and equal ones stay in theirs", () => {
  const ranks = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 6_000, size: "max" });
  fc.assert(
    fc.property(ranks, (all) => {
      const items = all.map((rank, at) => ({ rank, at }));
      expect(atOnce(sorted(items, byRank))).toEqual(items.toSorted(byRank));
    }),
    { numRuns: 30 },
  );
});

test("many items take many steps, and few take next to none", () => {
  const steps = (count: number): number => {
    const items = Array.from({ length: count }, (_, at) => ({ rank: (at * 7_919) % 10_007, at }));
    let taken = 0;
    for (const _ of sorted(items, byRank)) taken += 1;
    return taken;
  };
  expect(steps(10)).toBe(1);
  expect(steps(100_000)).toBeGreaterThan(500);
});
