import fc from "fast-check";
import { expect, test } from "vitest";
import { splitLines } from "./lines.ts";

test.each([
  ["a\nb\n", ["a", "b"], "LF"],
  ["a\r\nb", ["a", "b"], "CR LF is one end, the last line needs none"],
  ["a\n\rb", ["a", "b"], "LF CR, too"],
  ["a\rb", ["a", "b"], "CR alone"],
  ["a\n\nb", ["a", "", "b"], "the same one twice is an empty line"],
  ["a\r\n\r\nb", ["a", "", "b"], "also of two characters"],
  ["a\0b", ["a", "b"], "NUL"],
  ["\n", [""], "only an end"],
  ["", [], "nothing"],
])("%j is cut into %j: %s", (text, lines) => {
  expect(splitLines(text).map((line) => line.text)).toEqual(lines);
});

test("nothing of any text is lost", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "\n", "\r", "\0", "ä") }), (text) => {
      const lines = splitLines(text);
      expect(lines.map((line) => line.text + line.end).join("")).toBe(text);
    }),
  );
});
