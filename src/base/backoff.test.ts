import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffDelayMs } from "./backoff.ts";
import { type Random, seededRandom } from "./random.ts";

const LIMITS = { firstMs: 100, maxMs: 5_000 };

function always(value: number): Random {
  return { next: () => value, bytes: (length) => new Uint8Array(length) };
}

describe("backoffDelayMs", () => {
  test("doubles from the first delay up to the longest", () => {
    const longest = always(1);
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) => backoffDelayMs(failures, longest, LIMITS));
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  test("takes at least half of what it may, so that nothing is tried again at once", () => {
    expect(backoffDelayMs(1, always(0), LIMITS)).toBe(50);
    expect(backoffDelayMs(20, always(0), LIMITS)).toBe(2_500);
  });

  test("stays within its limits after any number of failures", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer(), (failures, seed) => {
        const delayMs = backoffDelayMs(failures, seededRandom(seed), LIMITS);
        expect(delayMs).toBeGreaterThanOrEqual(LIMITS.firstMs / 2);
        expect(delayMs).toBeLessThanOrEqual(LIMITS.maxMs);
      }),
    );
  });

  test("spreads out those who failed at the same moment", () => {
    const random = seededRandom(1);
    const delays = Array.from({ length: 100 }, () => Math.round(backoffDelayMs(10, random, LIMITS)));
    expect(new Set(delays).size).toBeGreaterThan(80);
  });

  test("waits at most five seconds where nothing else is said", () => {
    expect(backoffDelayMs(100, always(1))).toBe(5_000);
  });
});
