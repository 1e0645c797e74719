// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is what a unit file says.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Complaint } from "./diagnostic.ts";
import { execCommands, expandEnvironment } from "./exec.ts";
import type { ExecCommand } from "./service.ts";
import { specifierContext } from "./specifiers.ts";

const PLAIN = { ignoreFailure: false, literalEnvironment: false, privileges: "unit" } as const;

interface Parsed {
  readonly commands: readonly ExecCommand[];
  readonly refused?: string;
  readonly warnings: readonly string[];
}

function parse(text: string): Parsed {
  const warnings: string[] = [];
  const specifiers = specifierContext("web@1.service");
  const result = execCommands.parse(text, {
    key: "ExecStart",
    specifiers,
    warn: (message) => warnings.push(message),
  });
  if (!(result instanceof Complaint)) return { commands: result, warnings };
  return { commands: [], refused: `${result.severity}: ${result.message}`, warnings };
}

function argvs(text: string): readonly (readonly string[])[] {
  return parse(text).commands.map(({ argv }) => argv);
}

describe("a command line", () => {
  test.each([
    ["/bin/echo a b", [["/bin/echo", "a", "b"]], "words"],
    ["/bin/echo 'a b' \"c\"", [["/bin/echo", "a b", "c"]], "quotes"],
    ["/bin/echo %i '%p'", [["/bin/echo", "1", "web"]], "specifiers, in quotes too"],
    ["/bin/echo a\\x20b", [["/bin/echo", "a b"]], "escapes"],
    [
      "/bin/a x ; /bin/b y",
      [
        ["/bin/a", "x"],
        ["/bin/b", "y"],
      ],
      "a lone ; separates commands",
    ],
    ["/bin/a ; ; /bin/b", [["/bin/a"], ["/bin/b"]], "empty commands are nothing"],
    ["/bin/a ;", [["/bin/a"]], "also at the end"],
    [";", [], "also alone"],
    ["/bin/a \\; b", [["/bin/a", ";", "b"]], "an escaped ; is a word"],
    ['/bin/a ";" b', [["/bin/a", ";", "b"]], "a quoted one, too"],
    ["/bin/a b; c", [["/bin/a", "b;", "c"]], "one at the end of a word is part of it"],
    ["/bin/a | b > c &", [["/bin/a", "|", "b", ">", "c", "&"]], "there is no shell"],
    ["/bin//./true", [["/bin//./true"]], "argv[0] stays as written"],
    ["true", [["true"]], "a name is looked up when it is run"],
    ["@/bin/sh mysh -c x", [["mysh", "-c", "x"]], "@ gives argv[0]"],
    ["/bin/a $A ${B}", [["/bin/a", "$A", "${B}"]], "variables wait until it is run"],
  ])("%s gives %j: %s", (text, expected) => {
    expect(argvs(text)).toEqual(expected);
    expect(parse(text).warnings).toEqual([]);
  });

  test("the path is simplified", () => {
    expect(parse("/bin//./true").commands[0]?.path).toBe("/bin/true");
  });

  test.each([
    ["-/bin/a", { ...PLAIN, ignoreFailure: true }],
    [":/bin/a", { ...PLAIN, literalEnvironment: true }],
    ["+/bin/a", { ...PLAIN, privileges: "full" }],
    ["!/bin/a", { ...PLAIN, privileges: "no-setuid" }],
    ["!!/bin/a", { ...PLAIN, privileges: "ambient" }],
    ["-:+/bin/a", { ignoreFailure: true, literalEnvironment: true, privileges: "full" }],
    ["+:-/bin/a", { ignoreFailure: true, literalEnvironment: true, privileges: "full" }],
  ])("the prefixes of %s, in any order", (text, flags) => {
    expect(parse(text).commands).toEqual([{ path: "/bin/a", argv: ["/bin/a"], ...flags }]);
  });

  test("a prefix counts once: a second one is part of the name", () => {
    expect(parse("--x").commands[0]).toMatchObject({ path: "-x", ignoreFailure: true });
    expect(parse("+!/bin/a").refused).toMatch(/Neither a valid executable name/);
    expect(parse("!!!/bin/a").refused).toMatch(/Neither a valid executable name/);
  });

  test.each([
    ["/bin/", "error: Executable path specifies a directory: /bin/"],
    ["a/b", "error: Neither a valid executable name nor an absolute path: a/b"],
    ["..", "error: Neither a valid executable name nor an absolute path: .."],
    ["+", "error: Empty path in command line: '+'"],
    ["/bin/tr\\\\ue", "error: Executable name contains special characters: /bin/tr\\ue"],
    ["@/bin/true", "error: Empty executable name or zeroeth argument: @/bin/true"],
    ["/bin/true %z", "error: Failed to resolve unit specifiers in %z: Invalid slot"],
    ["/bin/%z", "error: Failed to resolve unit specifiers in '/bin/%z': Invalid slot"],
    ['/bin/true "abc', 'error: Unbalanced quoting, ignoring: "/bin/true "abc"'],
    ['"/bin/true', 'warning: Unbalanced quoting, ignoring: ""/bin/true"'],
  ])("%s is refused as systemd does: %s", (text, refused) => {
    expect(parse(text).refused).toBe(refused);
  });

  test.each([
    ["-a/b", "Neither a valid executable name nor an absolute path, ignoring: a/b"],
    ["-", "Empty path in command line, ignoring: '-'"],
    ["-%z", "Failed to resolve unit specifiers in '%z', ignoring: Invalid slot"],
    ["-/bin/true %z", "Failed to resolve unit specifiers in %z, ignoring: Invalid slot"],
    ['-/bin/true "a', 'Unbalanced quoting, ignoring: "-/bin/true "a"'],
  ])("with - before it, %s is only warned about: %s", (text, warning) => {
    expect(parse(text)).toEqual({ commands: [], warnings: [warning] });
  });

  test("an unknown escape is kept and said", () => {
    expect(parse("/bin/true \\q")).toEqual({
      commands: [{ path: "/bin/true", argv: ["/bin/true", "\\q"], ...PLAIN }],
      warnings: ['Ignoring unknown escape sequences: "\\q"'],
    });
  });

  test("never throws, and a command always has a name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        for (const { path, argv } of parse(text).commands) expect([path, argv[0]]).not.toContain("");
      }),
    );
  });
});

describe("variables, when a command is run", () => {
  const environment = { ONE: "one", TWO: "two two", EMPTY: "", QUOTED: "'a b' c" };

  // The first rows were measured on systemd 252.
  test.each([
    ["$ONE", ["one"]],
    ["$TWO", ["two", "two"]],
    ["${TWO}", ["two two"]],
    ["x${ONE}y", ["xoney"]],
    ["a$ONE", ["a$ONE"]],
    ["$ONE$TWO", []],
    ["$$ONE", ["$ONE"]],
    ["${EMPTY}", [""]],
    ["$EMPTY", []],
    ["$UNSET", []],
    ["${UNSET}", [""]],
    ["${ONE}${TWO}", ["onetwo two"]],
    ["$QUOTED", ["a b", "c"]],
    ["a$$b", ["a$b"]],
    ["${ONE", ["${ONE"]],
    ["$", []],
    ["plain", ["plain"]],
    ["", [""]],
    ["${toString}", [""]],
  ])("%s becomes %j", (word, words) => {
    expect(expandEnvironment(["cmd", word], environment)).toEqual(["cmd", ...words]);
  });

  test("words without a dollar stay as they are", () => {
    fc.assert(
      fc.property(fc.array(fc.string().filter((word) => !word.includes("$"))), (argv) => {
        expect(expandEnvironment(argv, environment)).toEqual(argv);
      }),
    );
  });
});
