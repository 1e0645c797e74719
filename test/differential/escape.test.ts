/** Escaping for unit names against `systemd-escape` of systemd 252, in all its modes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FlotillaError } from "#base/errors.ts";
import { escapeUnitName, mangleUnitName, parseUnitName, unescapeUnitName } from "#unit/name.ts";
import { answersOf } from "./systemd-tool.ts";

type Answer = string | undefined;

/** What a function of ours gives, or undefined where it refuses. */
function ours(change: (text: string) => string, text: string): Answer {
  try {
    return change(text);
  } catch (error) {
    if (error instanceof FlotillaError) return undefined;
    throw error;
  }
}

/** Escaped names hold no blanks, so that the tool's answers stand apart. */
function escaped(options: readonly string[], inputs: readonly string[]): readonly Answer[] {
  return answersOf(["systemd-escape", ...options], inputs, (stdout) => stdout.split(/[ \n]/).filter(Boolean));
}

/** As {@link escaped}, for names whose text holds no blanks. */
function unescaped(options: readonly string[], inputs: readonly string[]): readonly Answer[] {
  return escaped(["--unescape", ...options], inputs);
}

function differences(
  inputs: readonly string[],
  theirs: readonly Answer[],
  change: (text: string) => string,
): readonly unknown[] {
  return inputs.flatMap((input, index) => {
    const [systemd, flotilla] = [theirs[index], ours(change, input)];
    return systemd === flotilla ? [] : [{ input, systemd, flotilla }];
  });
}

const TEXTS = [
  ...[
    "a",
    "a b",
    "a-b",
    "a_b:c.d",
    ".a",
    "..a",
    "-",
    "--",
    "a/b",
    "/a/b/",
    "//",
    "a//b",
    "ä",
    "日本",
    "a\\b",
    "a\\x20b",
  ],
  ...["a\tb", "%i", "a@b", "a'b\"c", "*", "~", "\u{1f600}", "a\u0001b", "x".repeat(200)],
];
const PATHS = [
  "/",
  "//",
  "/a",
  "a",
  "/a/b",
  "a/b",
  "/a//b/",
  "/./a/.",
  "/a/../b",
  "/..",
  "..",
  "/.a/b",
  "/a b",
  "/-",
  "/ä",
  ".",
];

const text = fc
  .string({ unit: fc.constantFrom(..."ab-_.:/\\@% äx20"), minLength: 1, maxLength: 12 })
  .filter((each) => !each.includes("\0"));
const generated = fc.sample(text, { numRuns: 400, seed: 252 });
/** Names that unescape to text without blanks that is not empty: the tool separates its answers by blanks. */
const escapes = fc
  .string({
    unit: fc.constantFrom("a", "-", "\\x2e", "\\xc3", "\\xa4", "\\", "x", "\\x2", ".", "\\x00", "ä"),
    maxLength: 6,
  })
  .map((rest) => `z${rest}`);

describe("the same answers as systemd-escape's", () => {
  test("for any text", () => {
    const inputs = [...TEXTS, ...generated];
    expect(differences(inputs, escaped([], inputs), (each) => escapeUnitName(each))).toEqual([]);
  });

  test("with --path", () => {
    const inputs = [...PATHS, ...generated.slice(0, 150)];
    const theirs = escaped(["--path"], inputs);
    expect(differences(inputs, theirs, (each) => escapeUnitName(each, { path: true }))).toEqual([]);
  });

  test("with --template", () => {
    const inputs = [...TEXTS.slice(0, -1), ...generated.slice(0, 150)];
    const theirs = escaped(["--template=foo@.service"], inputs);
    const instance = (each: string): string => parseUnitName(`foo@${escapeUnitName(each)}.service`).full;
    expect(differences(inputs, theirs, instance)).toEqual([]);
  });

  test("with --mangle", () => {
    const types = [
      "foo.service",
      "foo.bar",
      "a@b c.timer",
      "/dev/sda",
      "/home/x",
      "dev/sda",
      "foo@.socket",
      ".service",
    ];
    const inputs = [...types, ...TEXTS, ...PATHS, ...generated.slice(0, 150)];
    expect(differences(inputs, escaped(["--mangle"], inputs), mangleUnitName)).toEqual([]);
  });

  test("with --unescape", () => {
    const inputs = [
      "a-b",
      "\\x",
      "a\\x2",
      "\\xzz",
      "-",
      "\\xc3\\xa4",
      ...fc.sample(escapes, { numRuns: 150, seed: 1 }),
    ];
    expect(differences(inputs, unescaped([], inputs), (each) => unescapeUnitName(each))).toEqual([]);
  });

  test("with --unescape --path", () => {
    const edges = [
      "a-b",
      "-",
      "--",
      "-a",
      "a-",
      "a--b",
      "\\x2e",
      "\\x2f",
      "\\x00",
      "\\x00a",
      "a-.",
      "a-..-b",
    ];
    const inputs = [...edges, ...fc.sample(escapes, { numRuns: 100, seed: 2 })];
    const theirs = unescaped(["--path"], inputs);
    expect(differences(inputs, theirs, (each) => unescapeUnitName(each, { path: true }))).toEqual([]);
  });
});
