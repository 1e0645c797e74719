import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomId, randomInteger, seededRandom } from "./random.ts";

describe("seededRandom", () => {
  test("yields the same for the same seed", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const [one, other] = [seededRandom(seed), seededRandom(seed)];
        expect(Array.from({ length: 20 }, () => one.next())).toEqual(
          Array.from({ length: 20 }, () => other.next()),
        );
        expect(one.bytes(20)).toEqual(other.bytes(20));
      }),
    );
  });

  test("yields other numbers for another seed", () => {
    expect(seededRandom(1).next()).not.toBe(seededRandom(2).next());
  });

  test("stays within [0, 1) and fills it evenly", () => {
    const random = seededRandom(7);
    const tenths = new Map<number, number>();
    for (let draw = 0; draw < 10_000; draw += 1) {
      const tenth = Math.floor(random.next() * 10);
      tenths.set(tenth, (tenths.get(tenth) ?? 0) + 1);
    }
    expect([...tenths.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const count of tenths.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});

describe("randomInteger", () => {
  test("includes both ends and nothing beyond", () => {
    const random = seededRandom(3);
    const drawn = new Set(Array.from({ length: 200 }, () => randomInteger(random, -1, 2)));
    expect([...drawn].sort((a, b) => a - b)).toEqual([-1, 0, 1, 2]);
  });
});

describe("randomId", () => {
  test("is 32 hex digits and never the same again", () => {
    const random = seededRandom(4);
    const ids = Array.from({ length: 1_000 }, () => randomId(random));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(ids).size).toBe(1_000);
  });
});
