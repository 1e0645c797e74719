/** Command lines of Exec keys: parsed when a unit is loaded, their variables expanded when a command is run. */
import { Complaint } from "./diagnostic.ts";
import type { Grammar, ValueContext } from "./grammar.ts";
import type { ExecCommand } from "./service.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { isBlank, skipBlanks, splitWords, takeWord } from "./words.ts";

/** One or more commands, separated by a lone `;`: systemd.service(5), COMMAND LINES. */
export const execCommands: Grammar<readonly ExecCommand[]> = {
  name: "a command line such as /usr/bin/sleep 60",
  parse: parseExec,
};

function parseExec(text: string, context: ValueContext): readonly ExecCommand[] | Complaint {
  const commands: ExecCommand[] = [];
  let at = skipBlanks(text, 0);
  while (at < text.length) {
    const separator = separatorAt(text, at);
    if (separator !== undefined) {
      at = separator;
      continue;
    }
    const taken = takeCommand(text, at, context);
    if (taken instanceof Complaint) return taken;
    if (taken.command !== undefined) commands.push(taken.command);
    at = taken.next;
  }
  return commands;
}

/** Index behind a lone `;` at `at` and the blanks that follow, or undefined when none is there. */
function separatorAt(text: string, at: number): number | undefined {
  if (text[at] !== ";" || !(at + 1 === text.length || isBlank(text[at + 1]))) return undefined;
  return skipBlanks(text, at + 1);
}

interface TakenCommand {
  /** Absent when `-` stands before something that is no command: systemd then only warns. */
  readonly command?: ExecCommand;
  readonly next: number;
}

function takeCommand(text: string, start: number, context: ValueContext): TakenCommand | Complaint {
  const first = takeWarned(text, start, context);
  // A first word without end is the one fault over which systemd drops the line and keeps the unit.
  if (first instanceof Fault) return new Complaint(first.message(true));
  const flags = takePrefixes(first.text);
  const taken = takePathAndArguments(text, flags, first.next, context);
  if (!(taken instanceof Fault)) return taken;
  if (!flags.ignoreFailure) return new Complaint(taken.message(false), "error");
  context.warn(taken.message(true));
  return { next: text.length };
}

function takePathAndArguments(
  text: string,
  flags: Prefixes,
  start: number,
  context: ValueContext,
): TakenCommand | Fault {
  const path = expandSpecifiers(flags.path, context.specifiers);
  if (path === undefined) {
    return new Fault(`Failed to resolve unit specifiers in '${flags.path}'`, ": Invalid slot");
  }
  const problem = pathProblem(path);
  if (problem !== undefined) return new Fault(problem, `: ${path === "" ? `'${text}'` : path}`);
  const rest = takeArguments(text, start, context);
  if (rest instanceof Fault) return rest;
  const argv = flags.ownArgv0 ? rest.argv : [path, ...rest.argv];
  if (argv.length === 0 || argv[0] === "")
    return new Fault("Empty executable name or zeroeth argument", `: ${text}`);
  const { ignoreFailure, literalEnvironment, privileges } = flags;
  return {
    command: { path: simplifyPath(path), argv, ignoreFailure, literalEnvironment, privileges },
    next: rest.next,
  };
}

function takeArguments(
  text: string,
  start: number,
  context: ValueContext,
): { argv: string[]; next: number } | Fault {
  const argv: string[] = [];
  let at = start;
  while (at < text.length && separatorAt(text, at) === undefined) {
    if (text[at] === "\\" && separatorAt(text, at + 1) !== undefined) {
      argv.push(";");
      at = skipBlanks(text, at + 2);
      continue;
    }
    const word = takeWarned(text, at, context);
    if (word instanceof Fault) return word;
    const expanded = expandSpecifiers(word.text, context.specifiers);
    if (expanded === undefined)
      return new Fault(`Failed to resolve unit specifiers in ${word.text}`, ": Invalid slot");
    argv.push(expanded);
    at = word.next;
  }
  return { argv, next: at };
}

function takeWarned(text: string, at: number, context: ValueContext): { text: string; next: number } | Fault {
  const word = takeWord(text, at);
  if (word.kind !== "word") return new Fault("Unbalanced quoting", `: "${text}"`, true);
  if (word.unknownEscape) context.warn(`Ignoring unknown escape sequences: "${word.text}"`);
  return { text: word.text, next: word.next };
}

/** What is wrong with a command; whether it spoils the unit or only the line depends on the `-` before the command. */
class Fault {
  readonly #before: string;
  readonly #after: string;
  readonly #alwaysIgnoring: boolean;

  constructor(before: string, after: string, alwaysIgnoring = false) {
    this.#before = before;
    this.#after = after;
    this.#alwaysIgnoring = alwaysIgnoring;
  }

  message(ignoring: boolean): string {
    return `${this.#before}${ignoring || this.#alwaysIgnoring ? ", ignoring" : ""}${this.#after}`;
  }
}

interface Prefixes {
  readonly path: string;
  readonly ignoreFailure: boolean;
  readonly literalEnvironment: boolean;
  readonly ownArgv0: boolean;
  readonly privileges: ExecCommand["privileges"];
}

/** The characters before the path, in any order, each at most once; a second one is part of the path. */
function takePrefixes(word: string): Prefixes {
  let at = 0;
  while (at < word.length && isPrefix(word, at)) at++;
  const prefixes = word.slice(0, at);
  return {
    path: word.slice(at),
    ignoreFailure: prefixes.includes("-"),
    literalEnvironment: prefixes.includes(":"),
    ownArgv0: prefixes.includes("@"),
    privileges: privilegesOf(prefixes),
  };
}

/** Whether a character that stands behind nothing but prefixes is one itself. */
function isPrefix(word: string, at: number): boolean {
  const char = word.charAt(at);
  if (!"-@:+!".includes(char)) return false;
  const before = word.slice(0, at);
  const isThird = before.indexOf("!") !== before.lastIndexOf("!");
  if (char === "!") return !isThird && !before.includes("+");
  return !before.includes(char) && !(char === "+" && before.includes("!"));
}

function privilegesOf(prefixes: string): ExecCommand["privileges"] {
  if (prefixes.includes("+")) return "full";
  const first = prefixes.indexOf("!");
  if (first < 0) return "unit";
  return prefixes.includes("!", first + 1) ? "ambient" : "no-setuid";
}

/** systemd's words for a path that cannot be run. */
function pathProblem(path: string): string | undefined {
  if (path === "") return "Empty path in command line";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (/[\x00-\x1f\x7f"'\\]/.test(path)) return "Executable name contains special characters";
  if (path.endsWith("/")) return "Executable path specifies a directory";
  const isFileName = !path.includes("/") && path !== "." && path !== "..";
  if (!path.startsWith("/") && !isFileName) return "Neither a valid executable name nor an absolute path";
  return undefined;
}

/** Drops doubled slashes and `.` parts, as systemd's path_simplify(). */
export function simplifyPath(path: string): string {
  if (!/\/(?:\.?\/|\.?$)|^\.(?:\/|$)/.test(path)) return path;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return (path.startsWith("/") ? "/" : "") + parts.join("/");
}

/**
 * Expands the variables of a command line as it is run: a word that is exactly `$NAME` becomes the words of its value
 * (none when unset), `${NAME}` anywhere its value as it is, `$$` a dollar; anything else with a dollar stays.
 */
export function expandEnvironment(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const lookup = (name: string): string | undefined =>
    Object.hasOwn(environment, name) ? environment[name] : undefined;
  return argv.flatMap((word) => {
    if (/^\$(?![${])/.test(word)) return splitWords(lookup(word.slice(1)) ?? "").words;
    // Behind the last brace no variable can end, and looking for its end again and again would take long.
    const end = word.lastIndexOf("}") + 1;
    const expanded = word
      .slice(0, end)
      .replaceAll(/\$(?:\$|\{([^}]*)\})/g, (_, name?: string) =>
        name === undefined ? "$" : (lookup(name) ?? ""),
      );
    return [expanded + word.slice(end).replaceAll("$$", () => "$")];
  });
}
