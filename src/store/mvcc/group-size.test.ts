import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { groupSize, smoothed, UNKNOWN_TIMES } from "./group-size.ts";

const underWay = fc.integer({ min: 1, max: 10_000 });
const ms = fc.double({ min: 0.001, max: 100, noNaN: true });

describe("the size of a group", () => {
  test("is everything, while nothing is known", () => {
    expect(groupSize(64, UNKNOWN_TIMES)).toBe(64);
  });

  test("is everything where the disk takes longer than the writes and their callers", () => {
    expect(groupSize(64, { carryMs: 0.004, syncMs: 5 })).toBe(64);
    expect(groupSize(2, { carryMs: 0.004, syncMs: 0.3 })).toBe(2);
  });

  test("is half where they would keep the disk waiting for more than twice what it takes", () => {
    expect(groupSize(64, { carryMs: 0.004, syncMs: 0.25 })).toBe(32);
    expect(groupSize(65, { carryMs: 0.004, syncMs: 0.25 })).toBe(33);
    expect(groupSize(64, { carryMs: 0.004, syncMs: 0.26 })).toBe(64);
  });

  test("is never nothing, and half of all at least", () => {
    fc.assert(
      fc.property(underWay, ms, ms, (count, carryMs, syncMs) => {
        const size = groupSize(count, { carryMs, syncMs });
        expect(size).toBeGreaterThanOrEqual(count / 2);
        expect(size).toBeLessThanOrEqual(count);
      }),
    );
  });

  test("does not grow where the disk becomes faster", () => {
    fc.assert(
      fc.property(underWay, ms, ms, ms, (count, carryMs, one, other) => {
        const [fast, slow] = [Math.min(one, other), Math.max(one, other)];
        expect(groupSize(count, { carryMs, syncMs: fast })).toBeLessThanOrEqual(
          groupSize(count, { carryMs, syncMs: slow }),
        );
      }),
    );
  });
});

test("a smoothed time begins with the first, stays between all there were and follows a change", () => {
  expect(smoothed(undefined, 3)).toBe(3);
  fc.assert(
    fc.property(fc.array(ms, { minLength: 1 }), (times) => {
      const result = times.reduce<number | undefined>(smoothed, undefined);
      expect(result).toBeGreaterThanOrEqual(Math.min(...times) - 1e-9);
      expect(result).toBeLessThanOrEqual(Math.max(...times) + 1e-9);
    }),
  );
  let time = 0;
  for (let count = 0; count < 50; count += 1) time = smoothed(time, 1);
  expect(time).toBeCloseTo(1, 2);
});
