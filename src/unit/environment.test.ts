// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is what a unit file says.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Complaint } from "./diagnostic.ts";
import { environmentAssignments, parseEnvironmentFile } from "./environment.ts";
import { specifierContext } from "./specifiers.ts";

function assign(text: string): { values: unknown; warnings: readonly string[] } {
  const warnings: string[] = [];
  const specifiers = specifierContext("web@1.service");
  const values = environmentAssignments.parse(text, {
    key: "Environment",
    specifiers,
    warn: (message) => warnings.push(message),
  });
  return { values: values instanceof Complaint ? values.message : values, warnings };
}

describe("Environment=", () => {
  test.each([
    [
      "A=1 B=2",
      [
        ["A", "1"],
        ["B", "2"],
      ],
    ],
    [
      '"A=two words" B=',
      [
        ["A", "two words"],
        ["B", ""],
      ],
    ],
    ["A='x y'", [["A", "x y"]]],
    ["A=$B", [["A", "$B"]]],
    ["A=%i", [["A", "1"]]],
    ["A=b=c", [["A", "b=c"]]],
    [
      "A=1 A=2",
      [
        ["A", "1"],
        ["A", "2"],
      ],
    ],
    ["A=a\\tb", [["A", "a\tb"]]],
  ])("%s", (text, values) => {
    expect(assign(text)).toEqual({ values, warnings: [] });
  });

  test("a bad assignment is left out alone", () => {
    expect(assign("1a=b A=1 word")).toEqual({
      values: [["A", "1"]],
      warnings: [
        "Invalid environment assignment, ignoring: 1a=b",
        "Invalid environment assignment, ignoring: word",
      ],
    });
    expect(assign("A=%z B=1")).toEqual({
      values: [["B", "1"]],
      warnings: ["Failed to resolve specifiers in A=%z, ignoring: Invalid slot"],
    });
    expect(assign("A=\\x07").warnings).toHaveLength(1);
  });

  test("an open quote spoils the rest of the line", () => {
    expect(assign('A=1 "B')).toEqual({
      values: [["A", "1"]],
      warnings: ['Invalid syntax, ignoring: A=1 "B'],
    });
  });
});

describe("an environment file", () => {
  test.each([
    [
      "A=1\nB=2\n",
      [
        ["A", "1"],
        ["B", "2"],
      ],
      "one a line",
    ],
    ["A=1", [["A", "1"]], "the last newline may be missing"],
    ["# c\n; d\n\nA=1\n", [["A", "1"]], "comments and empty lines"],
    ["  A = 1  \n", [["A", "1"]], "blanks around both are dropped"],
    ["A=a b  c\n", [["A", "a b  c"]], "blanks inside stay"],
    ["A=a\\ b\\q\n", [["A", "a bq"]], "an unquoted backslash keeps the next character"],
    ["A=a\\\nb\n", [["A", "ab"]], "and joins lines"],
    ["A='a\\n$x\n\"y'\n", [["A", 'a\\n$x\n"y']], "single quotes are verbatim, over lines too"],
    [
      'A="a\\"b\\\\c\\$d\\`e\\n"\n',
      [["A", 'a"b\\c$d`e\\n']],
      'a backslash counts before " \\ $ and backtick only',
    ],
    ['A="a\\\nb\nc"\n', [["A", "ab\nc"]], "in double quotes lines are joined or kept"],
    ["A='a'\"b\"c\n", [["A", "abc"]], "quoted parts side by side"],
    ['A=a"b"\n', [["A", 'a"b"']], "a quote inside an unquoted value is a character"],
    [
      "A=\nB=1\n",
      [
        ["A", ""],
        ["B", "1"],
      ],
      "an empty value",
    ],
    ["A=' '\n", [["A", " "]], "a quoted blank stays"],
    ["word\nB=1\n", [["B", "1"]], "a line without = is nothing"],
    ["1A=1\nB C=2\nD=3\n", [["D", "3"]], "names that are none are left out"],
    ["export A=1\n", [], "export is the shell's"],
    [
      "A=1\r\nB=2\r\n",
      [
        ["A", "1"],
        ["B", "2"],
      ],
      "CR LF",
    ],
    ["\uFEFFA=1\n", [["A", "1"]], "a BOM"],
    ["# c \\\nA=1\nB=2\n", [["B", "2"]], "a comment goes on behind a backslash"],
    ["A=$B ${C}\n", [["A", "$B ${C}"]], "nothing is expanded"],
    ['A="open\nB=1\n', [["A", "open\nB=1\n"]], "an open quote runs to the end"],
  ])("%j gives %j: %s", (text, assignments) => {
    expect(parseEnvironmentFile(text)).toEqual(assignments);
  });

  test("values in single quotes come back as they were", () => {
    const value = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("'"));
    fc.assert(
      fc.property(value, (text) => {
        expect(parseEnvironmentFile(`A='${text}'\n`)).toEqual([["A", text]]);
      }),
    );
  });

  test("never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(parseEnvironmentFile(text).length).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
