import fc from "fast-check";
import { expect, test } from "vitest";
import { firstNonBlank, strip, takeLogicalLine } from "./logical-line.ts";

test.each([
  ["a=1\nb=2\n", "a=1", 4, 1, "a line by itself"],
  ["a=1 \\\n 2\nb=2\n", "a=1   2", 9, 2, "the backslash is a space"],
  ["a=1\\\n# c\n2\n", "a=1 2", 11, 3, "a comment in between is left out"],
  ["a=1\\\n\n2\n", "a=1 ", 6, 2, "an empty line ends it"],
  ["a=1\\\\\nb=2\n", "a=1\\\\", 6, 1, "an escaped backslash joins nothing"],
  ["# c\\\nb=2\n", "# c\\", 5, 1, "a comment is not continued"],
  ["a=1\\", "a=1 ", 4, 1, "the end of the file ends it"],
])("of %j the first is %j, up to index %i, of %i lines: %s", (file, text, end, count) => {
  expect(takeLogicalLine(file, 0)).toEqual({ text, end, count });
});

test("one behind the other, they are the whole file", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "\\", "\n", "\r", "\0", "#", " ") }), (file) => {
      let start = 0;
      while (start < file.length) {
        const { end, count } = takeLogicalLine(file, start);
        expect(end).toBeGreaterThan(start);
        expect(count).toBeGreaterThan(0);
        start = end;
      }
      expect(start).toBe(file.length);
    }),
  );
});

test.each([
  ["  a b\t", "a b", 2],
  ["\u00a0a", "\u00a0a", 0],
  [" \t\r\n", "", 4],
  ["", "", 0],
])("%j without blanks at its ends is %j; they end at %i", (text, stripped, first) => {
  expect(strip(text)).toBe(stripped);
  expect(firstNonBlank(text)).toBe(first);
});
