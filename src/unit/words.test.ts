import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { splitWords } from "./words.ts";

describe("splitWords", () => {
  test.each([
    ["a b\tc", ["a", "b", "c"], "blanks separate"],
    ["  a  ", ["a"], "blanks at the ends are nothing"],
    ["", [], "nothing is no word"],
    ["'a b' \"c d\"", ["a b", "c d"], "both quotes behave the same"],
    ['a"b c"d', ["ab cd"], "quotes may begin inside a word"],
    ["'a\"b'", ['a"b'], "one kind of quote is a character in the other"],
    ["'' \"\"", ["", ""], "an empty quoted word is a word"],
    ["a\\sb", ["a b"], "an escaped space"],
    ["\\a\\b\\f\\n\\r\\t\\v\\\\", ["\x07\b\f\n\r\t\v\\"], "C escapes"],
    ["\\\"a\\'", ["\"a'"], "escaped quotes"],
    ["'\\x41\\102\\u0043\\U00000044'", ["ABCD"], "characters by number, also in quotes"],
    ["\\xc3\\xa4", ["ä"], "bytes of one character"],
    ["ä 🚀", ["ä", "🚀"], "any character"],
  ])("%j gives %j: %s", (text, words) => {
    expect(splitWords(text)).toEqual({ words, unbalanced: false, unknownEscape: false });
  });

  test.each([
    ["a\\qb", ["a\\qb"]],
    ["a\\x4", ["a\\x4"]],
    ["a\\", ["a\\"]],
    ["\\x00", ["\\x00"]],
    ["\\ud800", ["\\ud800"]],
    ["\\U00110000", ["\\U00110000"]],
  ])("%j holds no escape: the backslash is kept and said", (text, words) => {
    expect(splitWords(text)).toEqual({ words, unbalanced: false, unknownEscape: true });
  });

  test.each(["'a", 'b "c', "a\"b'c"])("%j has a quote that is never closed", (text) => {
    expect(splitWords(text).unbalanced).toBe(true);
  });

  test("lists of unit names keep backslashes and quotes", () => {
    const options = { retainEscapes: true, retainQuotes: true };
    expect(splitWords('foo@a\\x20b.service "x y"', options).words).toEqual([
      "foo@a\\x20b.service",
      '"x',
      'y"',
    ]);
  });

  test("quoted words come back as they were, whatever they hold", () => {
    const quoted = (word: string): string => `"${word.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), (words) => {
        expect(splitWords(words.map(quoted).join(" ")).words).toEqual(words);
      }),
    );
  });

  test("never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(splitWords(text).words.length).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
