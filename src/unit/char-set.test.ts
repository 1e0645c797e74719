import fc from "fast-check";
import { expect, test } from "vitest";
import { CharSet } from "./char-set.ts";

test("a set has its characters and no others, of any code", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), fc.integer({ min: 0, max: 0xffff }), (chars, code) => {
      expect(new CharSet(chars).has(code)).toBe(chars.includes(String.fromCharCode(code)));
    }),
  );
});

test.each([
  ["  a", 0, 2],
  ["  a", 1, 2],
  ["a ", 0, 0],
  ["\t ", 0, 2],
  ["ä", 0, 0],
  ["", 0, 0],
])("of %j from %i on, blanks are over at %i", (text, at, end) => {
  expect(new CharSet(" \t").skip(text, at)).toBe(end);
});
