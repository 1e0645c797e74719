import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareNaturally } from "./natural-order.ts";

describe("names", () => {
  test.each<[names: readonly string[]]>([
    [["m1", "m2", "m10", "m100"]],
    [["1", "2", "10", "a"]],
    [["", "m", "m1", "m1a", "m1b", "ma"]],
    [["rack2-m9", "rack2-m10", "rack10-m1"]],
    [["db-1.lan", "db-2.lan", "db-11.lan", "web"]],
  ])("are counted: %j", (names) => {
    expect([...names].reverse().sort(compareNaturally)).toEqual(names);
    expect([...names].sort(compareNaturally)).toEqual(names);
  });

  test("are alike where only leading zeros differ", () => {
    expect(compareNaturally("m01", "m1")).toBe(0);
    expect(compareNaturally("m01b", "m1a")).toBe(1);
  });

  test("have one order, whatever they are", () => {
    const name = fc.string({ unit: fc.constantFrom(..."ab0129-. "), maxLength: 6 });
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        expect(Math.sign(compareNaturally(a, b))).toBe(-Math.sign(compareNaturally(b, a)) + 0);
        expect(compareNaturally(a, a)).toBe(0);
        if (compareNaturally(a, b) <= 0 && compareNaturally(b, c) <= 0)
          expect(compareNaturally(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2_000 },
    );
  });

  test("of small letters and numbers are in the order that people's languages have", () => {
    const name = fc.stringMatching(/^[a-z]{1,3}([1-9][0-9]{0,2})?$/);
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(Math.sign(compareNaturally(a, b))).toBe(a.localeCompare(b, "en", { numeric: true }));
      }),
    );
  });
});
