import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CharSet } from "./char-set.ts";
import { LITERAL_WORDS, PLAIN_WORDS, QUOTED_WORDS, splitWords, takeWord } from "./words.ts";

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
    expect(splitWords('foo@a\\x20b.service "x y"', LITERAL_WORDS).words).toEqual([
      "foo@a\\x20b.service",
      '"x',
      'y"',
    ]);
  });

  test.each([
    ["a\\x41 b", ["ax41", "b"], "a backslash makes the next character stand for itself"],
    ["a\\ b", ["a b"], "a blank, too"],
    ['"a b" c', ["a b", "c"], "quotes join"],
  ])("paths: %j gives %j: %s", (text, words) => {
    expect(splitWords(text, QUOTED_WORDS)).toEqual({ words, unbalanced: false, unknownEscape: false });
  });

  test("simple words keep their quotes", () => {
    expect(splitWords('"a b" \\c', PLAIN_WORDS).words).toEqual(['"a', 'b"', "c"]);
  });

  test.each(["a b\\", '"a b\\'])("%j ends in a backslash that stands before nothing", (text) => {
    expect(splitWords(text, QUOTED_WORDS)).toMatchObject({
      words: [text[0] === "a" ? "a" : undefined].filter(Boolean),
      unbalanced: true,
    });
  });

  test.each([
    ["a:b", ["a", "b"]],
    ["a::b", ["a", "", "b"]],
    [":a:", ["", "a", ""]],
    ["", []],
    ["a\\:b:c", ["a:b", "c"]],
    ['"a:b":c', ["a:b", "c"]],
  ])("%j at each colon gives %j", (text, words) => {
    expect(splitWords(text, { separators: new CharSet(":"), splitAtEach: true }).words).toEqual(words);
  });

  test("a word says where the next one begins", () => {
    expect(takeWord("ab  cd", 0)).toMatchObject({ text: "ab", next: 4 });
    expect(takeWord("ab:cd", 0, { separators: new CharSet(":"), splitAtEach: true })).toMatchObject({
      text: "ab",
      next: 3,
    });
    expect(takeWord("ab", 0, { separators: new CharSet(":"), splitAtEach: true })).toMatchObject({ next: 3 });
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
