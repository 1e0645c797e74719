import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assignedValues } from "../../test/conformance/unit/assigned.ts";
import { decodeUnitFile } from "./decode.ts";
import { parseUnitFile } from "./unit-file.ts";

/** `key=value` of every entry, with its section. */
function entries(text: string): readonly string[] {
  return parseUnitFile(text).entries.map(({ section, key, value }) => `[${section}] ${key}=${value}`);
}

function messages(text: string): readonly string[] {
  return parseUnitFile(text).diagnostics.map(
    ({ severity, message, place }) => `${severity} ${place.line}: ${message}`,
  );
}

describe("what systemd.syntax(7) says of lines", () => {
  test.each([
    ["[A]\nk=v\n", ["[A] k=v"], "a key and its value"],
    ["[A]\nk = v \n", ["[A] k=v"], "blanks around both are dropped"],
    ["[A]\nk=v=w\n", ["[A] k=v=w"], "only the first = separates"],
    ["[A]\nk=\n", ["[A] k="], "an empty value is a value"],
    ["  [A]  \n\tk=v", ["[A] k=v"], "leading blanks and a missing last newline"],
    ["[A]\n# k=v\n; k=w\n  # x=y\n", [], "comments begin with # or ;"],
    ["[A]\nk=v # no comment\n", ["[A] k=v # no comment"], "a comment needs a line of its own"],
    ["[A]\nk=a\n[B]\nk=b\n[A]\nk=c\n", ["[A] k=a", "[B] k=b", "[A] k=c"], "a section may come twice"],
    ["\uFEFF[A]\nk=v\n", ["[A] k=v"], "one BOM is skipped"],
    ["[A]\r\nk=v\r\n", ["[A] k=v"], "lines may end in CR LF"],
    ["[A]\rk=v\r", ["[A] k=v"], "or in CR alone"],
    ["[A]\nK=1\nk=2\n", ["[A] K=1", "[A] k=2"], "keys are case-sensitive"],
    ["[X-Fleet]\nGlobal=true\n", ["[X-Fleet] Global=true"], "sections of ours"],
  ])("%j: %s (%s)", (text, expected) => {
    expect(entries(text)).toEqual(expected);
    expect(messages(text)).toEqual([]);
  });

  test.each([
    ["[A]\nk=a \\\n  b\n", "a    b", "the backslash becomes one space, the next line keeps its blanks"],
    ["[A]\nk=a\\\nb\n", "a b", "no blank is needed"],
    ["[A]\nk=a\\\n# comment\nb\n", "a b", "a comment inside is dropped and the continuation goes on"],
    ["[A]\nk=a\\\n# comment \\\n; other\nb\n", "a b", "a backslash at the end of a comment does nothing"],
    ["[A]\nk=a\\\\\nb=c\n", "a\\\\", "an escaped backslash continues nothing"],
    ["[A]\nk=a\\\\\\\nb\n", "a\\\\ b", "of three the last one is not escaped"],
    ["[A]\nk=a\\", "a", "the end of the file ends it"],
    ["[A]\nk=a\\\n\\\nb\n", "a  b", "a line of only a backslash adds a space"],
    ["[A]\nk=\\\nb\n", "b", "the value may begin on the next line"],
  ])("%j continues: %j (%s)", (text, value) => {
    expect(parseUnitFile(text).last("A", "k")).toBe(value);
  });

  test("an empty line ends a continuation, so that what follows is a line of its own", () => {
    expect(entries("[A]\nk=a\\\n\nrest\n")).toEqual(["[A] k=a"]);
    expect(messages("[A]\nk=a\\\n\nrest\n")).toEqual(["warning 4: Missing '=', ignoring line."]);
  });

  test.each([
    ["k=v\n", "warning 1: Assignment outside of section. Ignoring."],
    ["[A]\nword\n", "warning 2: Missing '=', ignoring line."],
    ["[A]\n=v\n", "warning 2: Missing key name before '=', ignoring line."],
    ["[A\nk=v\n", "error 1: Invalid section header '[A'"],
    ["[A] x\n", "error 1: Invalid section header '[A] x'"],
  ])("%j is complained about: %s", (text, message) => {
    expect(messages(text)).toEqual([message]);
  });

  test("lines below a bad header belong to no section", () => {
    expect(entries("[A]\na=1\n[B\nb=2\n[C]\nc=3\n")).toEqual(["[A] a=1", "[C] c=3"]);
  });

  test("a line over 1 MiB is an error", () => {
    expect(messages(`[A]\nk=${"x".repeat(1024 * 1024)}\n`)).toEqual([
      "error 2: The line is longer than 1048576 characters.",
    ]);
  });
});

describe("places", () => {
  test("an entry knows its line and column, also behind continuations", () => {
    const file = parseUnitFile("# top\n[A]\nx=1\\\n 2\n  y=3\n", "a.service");
    const [x, y] = file.entries;
    expect([x?.line, y?.line]).toEqual([3, 5]);
    expect(y === undefined ? undefined : file.placeOf(y)).toEqual({
      file: "a.service",
      line: 5,
      column: 3,
      source: "  y=3",
    });
  });

  test("a section's place is its first header, the file's beginning when there is none", () => {
    const file = parseUnitFile("\n[A]\n[B]\n[A]\n", "a.service");
    expect(file.placeOfSection("A").line).toBe(2);
    expect(file.placeOfSection("Z")).toEqual({ file: "a.service", line: 1, column: 1 });
  });

  test("sections are listed once, in order", () => {
    expect(parseUnitFile("[B]\n[A]\n[B]\n").sections).toEqual(["B", "A"]);
    expect(parseUnitFile("[B]\n").hasSection("A")).toBe(false);
  });
});

describe("values and their resets", () => {
  test("an empty assignment forgets the ones before it in a list", () => {
    const file = parseUnitFile("[Service]\nExecStart=/a\nExecStart=\nExecStart=/b\nExecStart=/c\n");
    expect(assignedValues(file, "Service", "ExecStart")).toEqual(["/b", "/c"]);
  });

  test("dependencies never reset", () => {
    const file = parseUnitFile("[Unit]\nWants=c.service\nWants=\n");
    expect(assignedValues(file, "Unit", "Wants")).toEqual(["c.service"]);
  });

  test("the last value counts, an empty one is none", () => {
    const file = parseUnitFile("[Service]\nType=simple\nType=exec\nUser=a\nUser=\n");
    expect(file.last("Service", "Type")).toBe("exec");
    expect(file.last("Service", "User")).toBeUndefined();
    expect(file.last("Service", "Group")).toBeUndefined();
  });
});

const LINE = fc.oneof(
  fc.constantFrom(
    "[Unit]",
    "[Service]",
    "[Service",
    "# c",
    ";c",
    "",
    " ",
    "Wants=a.service",
    "ExecStart=/bin/a \\",
    "\\",
    "=x",
    "\uFEFF",
  ),
  fc.string({ unit: "binary" }),
);
const TEXT = fc
  .array(fc.tuple(LINE, fc.constantFrom("\n", "\r\n", "\r", "\n\r", "\0", "")))
  .map((lines) => lines.flat().join(""));

describe("for any text", () => {
  test("printing gives back what was parsed", () => {
    fc.assert(
      fc.property(TEXT, (text) => {
        expect(parseUnitFile(text).print()).toBe(text);
      }),
    );
  });

  test("printing gives back the bytes, where they are UTF-8 at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { text, diagnostics } = decodeUnitFile(bytes, 1_000);
        if (diagnostics.length > 0) expect(text).toBe("");
        else expect(new TextEncoder().encode(parseUnitFile(text).print())).toEqual(bytes);
      }),
    );
  });

  test("statements' lines rise and every entry stands in a section that has a header", () => {
    fc.assert(
      fc.property(TEXT, (text) => {
        const file = parseUnitFile(text);
        const lines = file.statements.map(({ line }) => line);
        expect(lines).toEqual([...lines].sort((a, b) => a - b));
        expect(file.entries.filter(({ section }) => !file.hasSection(section))).toEqual([]);
      }),
    );
  });
});
