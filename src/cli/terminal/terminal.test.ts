import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareNames } from "../lists.ts";
import { Progress } from "./progress.ts";
import { formatError, formatWarning } from "./show-error.ts";
import { formatTable, pickColumns } from "./table.ts";
import { formatAge } from "./times.ts";

const plain = (_: unknown, text: string): string => text;

describe("an error", () => {
  test("has its code, its causes, its hint and the place with a mark under what is wrong", () => {
    const lines = formatError(
      {
        code: "bad-unit-file",
        message: "web.service: bad",
        causes: ["one", "two"],
        hint: "mend it",
        place: { file: "web.service", line: 12, column: 3, source: "\tx Typo=1" },
      },
      plain,
    );
    expect(lines).toEqual([
      "error[bad-unit-file]: web.service: bad",
      "  --> web.service:12:3",
      "  12 | \tx Typo=1",
      "     | \t ^",
      "  cause: one",
      "  cause: two",
      "  hint: mend it",
    ]);
  });

  test("marks the word from its column on", () => {
    const place = { file: "f", line: 1, column: 1, source: "Descritpion=x" };
    expect(formatWarning({ message: "m", place }, plain).at(-1)).toBe("    | ^^^^^^^^^^^");
  });

  test("without a line of source has its place only", () => {
    const place = { file: "f", line: 1, column: 1 };
    expect(formatWarning({ message: "m", place, hint: "h" }, plain)).toEqual([
      "warning: m",
      "  --> f:1:1",
      "  hint: h",
    ]);
  });
});

describe("a table", () => {
  const columns = [
    { field: "unit", value: (row: { a: string; b: string }) => row.a },
    { field: "state", value: (row: { a: string; b: string }) => row.b },
  ];

  test("aligns its columns and ends lines where their text ends", () => {
    const rows = [
      { a: "x", b: "active" },
      { a: "long-name", b: "" },
    ];
    expect(formatTable(columns, rows, { legend: true, paint: plain })).toEqual([
      "UNIT       STATE",
      "x          active",
      "long-name  -",
    ]);
    expect(formatTable(columns, rows, { legend: false, paint: plain })).toHaveLength(2);
  });

  test("has the columns that are named, in their order", () => {
    expect(pickColumns(columns, "STATE, unit").map(({ field }) => field)).toEqual(["state", "unit"]);
    expect(() => pickColumns(columns, "stat")).toThrow("there is no field stat");
  });
});

test.each([
  [0, "0s"],
  [59_999, "59s"],
  [60_000, "1min"],
  [3_661_000, "1h 1min"],
  [2 * 86_400_000 + 5_000, "2d"],
  [-5, "0s"],
])("an age of %i ms is %s", (ageMs, expected) => {
  expect(formatAge(ageMs)).toBe(expected);
});

describe("names", () => {
  test("are in the order of their numbers", () => {
    const names = ["web@10.service", "web@2.service", "api.service", "web@2-b.service", "web.service"];
    expect(names.toSorted(compareNames)).toEqual([
      "api.service",
      "web.service",
      "web@2-b.service",
      "web@2.service",
      "web@10.service",
    ]);
  });

  test("have one order, whatever they are", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "b", "0", "1", "2", "@", "."), maxLength: 8 });
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        expect(Math.sign(compareNames(a, b))).toBe(-Math.sign(compareNames(b, a)) + 0);
        if (compareNames(a, b) <= 0 && compareNames(b, c) <= 0)
          expect(compareNames(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe("progress", () => {
  function shown(isTTY: boolean, term?: string): string {
    let text = "";
    const out = { isTTY, columns: 10, write: (more: string) => (text += more) };
    const progress = new Progress(out, term);
    progress.show("a long line of progress");
    progress.clear();
    progress.clear();
    return text;
  }

  test("is one line that is cut to the terminal and taken away again", () => {
    expect(shown(true)).toBe("\r\u001B[Ka long li\r\u001B[K");
  });

  test("is not shown where there is no terminal, or a dumb one", () => {
    expect(shown(false) + shown(true, "dumb")).toBe("");
  });
});
