import { expect, test } from "vitest";
import { readValue } from "../../test/unit/read-value.ts";
import { Complaint } from "./diagnostic.ts";
import { wordList } from "./word-list.ts";
import { PLAIN_WORDS } from "./words.ts";

type Rules = Partial<Parameters<typeof wordList<string>>[0]>;

/** Words of lower-case letters; `spoilt` spoils the unit. */
function letters(rules: Rules = {}) {
  return wordList<string>({
    name: "words",
    read: (word) => {
      if (word === "spoilt") return new Complaint("Spoilt", "error");
      return /^[a-z]+$/.test(word) ? word : new Complaint(`No word: ${word}`);
    },
    ...rules,
  });
}

test("each word is read for itself, and one that cannot be read is left out", () => {
  expect(readValue(letters(), "a 1 b 2")).toEqual({
    value: ["a", "b"],
    warnings: ["No word: 1", "No word: 2"],
  });
});

test("a list can end at its first fault", () => {
  expect(readValue(letters({ stopsAtFault: true }), "a 1 b 2")).toEqual({
    value: ["a"],
    warnings: ["No word: 1"],
  });
});

test("a word that spoils the unit spoils the list", () => {
  expect(readValue(letters(), "a spoilt b").value).toBe("error: Spoilt");
});

test("quotes hold words together, unless words are plain", () => {
  expect(readValue(letters(), `"a" 'b'`).value).toEqual(["a", "b"]);
  expect(readValue(letters({ words: PLAIN_WORDS }), `"a" b`)).toEqual({
    value: ["b"],
    warnings: [`No word: "a"`],
  });
});

test("what stands before a quote that is not closed counts, and the quote is told of in systemd's words", () => {
  expect(readValue(letters(), 'a "b')).toEqual({
    value: ["a"],
    warnings: ['Invalid syntax, ignoring: a "b'],
  });
  expect(readValue(letters({ unclosed: "Bad %k: %v" }), 'a "$&', "Words").warnings).toEqual([
    'Bad Words: a "$&',
  ]);
});

test("specifiers mean nothing unless the rules say so", () => {
  expect(readValue(letters(), "%p").warnings).toEqual(["No word: %p"]);
  expect(readValue(letters({ specifiers: "bare" }), "%p b")).toEqual({ value: ["web", "b"], warnings: [] });
  expect(readValue(letters({ specifiers: "bare" }), "%z b")).toEqual({
    value: ["b"],
    warnings: ["Failed to resolve unit specifiers in %z, ignoring: Invalid slot"],
  });
});

test("a name of a unit knows fewer specifiers", () => {
  const names = letters({ specifiers: "bare", areNames: true, read: (word) => word });
  expect(readValue(names, "%p %h").value).toEqual(["web"]);
  expect(readValue(letters({ specifiers: "bare", read: (word) => word }), "%h").value).toEqual(["/root"]);
});
