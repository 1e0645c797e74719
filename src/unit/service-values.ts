/** Grammars of the composite values of [Service]: exit statuses, accounts, environment files and variables. */
import { parseInteger } from "#base/number.ts";
import { Complaint } from "./diagnostic.ts";
import { isVariableName } from "./environment.ts";
import type { EnvironmentFile } from "./exec-settings.ts";
import { exitCodeOf } from "./exit-status.ts";
import { expanded, type Grammar, grammar, type ValueContext } from "./grammar.ts";
import type { ExitStatusSet } from "./service.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { parseSignal, readPath } from "./values.ts";
import { wordList } from "./word-list.ts";
import { ESCAPED_WORDS, PLAIN_WORDS, QUOTED_WORDS, splitWords, type WordOptions } from "./words.ts";

/** `1 6 SIGKILL TEMPFAIL`: codes and signals. */
export const exitStatuses: Grammar<ExitStatusSet> = {
  name: "exit codes and signals such as 1 6 SIGKILL",
  parse: parseExitStatuses,
};

function parseExitStatuses(value: string, context: ValueContext): ExitStatusSet {
  const codes: number[] = [];
  const signals: string[] = [];
  const { words, unbalanced } = splitWords(value, PLAIN_WORDS);
  for (const word of words) {
    const code = parseExitCode(word);
    const signal = code === undefined ? parseSignal(word) : undefined;
    if (code !== undefined) codes.push(code);
    else if (signal !== undefined) signals.push(signal);
    else context.warn(`Failed to parse value, ignoring: ${word}`, word);
  }
  if (unbalanced) context.warn(`Failed to parse ${context.key}=${value}, ignoring: Invalid argument`);
  return { codes, signals };
}

function parseExitCode(word: string): number | undefined {
  const code = exitCodeOf(word) ?? parseInteger(word, 0, 255);
  return typeof code === "number" ? code : undefined;
}

/** `/etc/default/web`, or `-/etc/default/web` for one that may be missing. */
export const environmentFile: Grammar<EnvironmentFile> = expanded({
  name: "an absolute path, after - for one that may be missing",
  parse: (value, { key }) => {
    const optional = value.startsWith("-");
    const path = readPath(key, optional ? value.slice(1) : value);
    return path instanceof Complaint ? path : { path, optional };
  },
});

export interface WorkingDirectory {
  readonly path: string;
  readonly optional: boolean;
}

/** An absolute path or `~`, which is the home of the unit's user. Without `-` systemd refuses a unit over a bad one. */
export const workingDirectory: Grammar<WorkingDirectory> = {
  name: "an absolute path or ~, after - for one that may be missing",
  parse: (value, { specifiers }) => {
    const optional = value.startsWith("-");
    const rest = optional ? value.slice(1) : value;
    const [ignoring, severity] = optional ? ([", ignoring", "warning"] as const) : (["", "error"] as const);
    const text = expandSpecifiers(rest, specifiers);
    if (text === undefined) {
      const message = `Failed to resolve unit specifiers in working directory path '${rest}'${ignoring}: Invalid slot`;
      return new Complaint(message, severity);
    }
    const path = text === "~" ? text : readPath("WorkingDirectory", text, severity);
    return path instanceof Complaint ? path : { path, optional };
  },
};

/**
 * A user or group by name or number. systemd takes names that useradd would not, with a warning; what could be taken
 * for a path or a line of passwd(5) makes the unit one that cannot be run.
 */
const accountName = grammar(
  "a user or group name or number",
  (value, context) => {
    if (/^([A-Za-z_][A-Za-z0-9_-]{0,30}\$?)$/.test(value) || isUid(value)) return value;
    if (value === "" || value.length > 255 || /^\.{1,2}$|^-?\d*$|[/:\p{Cc}]/u.test(value)) return undefined;
    context.warn(`Accepting user/group name '${value}', which does not match strict user/group name rules.`);
    return value;
  },
  "Invalid user/group name or numeric ID: %v",
  "error",
);

/** The two numbers that are left out stand for no user in 16 and 32 bits. */
function isUid(text: string): boolean {
  return /^(0|[1-9]\d*)$/.test(text) && Number(text) < 4_294_967_295 && Number(text) !== 65_535;
}

export const account: Grammar<string> = expanded(
  {
    name: accountName.name,
    parse: (value, context) => {
      if (value === "nobody" && context.key.endsWith("User"))
        context.warn("Special user nobody configured, this is not safe!");
      return accountName.parse(value, context);
    },
  },
  "fatalBare",
);

/** Groups by name or number; one that cannot be one makes the unit one that cannot be run. */
export const accounts = wordList<string>({
  name: "user or group names or numbers",
  words: PLAIN_WORDS,
  specifiers: "fatalBare",
  read: (word, context) => accountName.parse(word, context),
});

/** Names of variables, for PassEnvironment=. */
export const variableNames = variables("specifiers", "name for", QUOTED_WORDS, isVariableName);

/** Names of variables, or whole assignments, for UnsetEnvironment=. */
export const variableNamesOrAssignments = variables(
  "unit specifiers",
  "name or assignment",
  ESCAPED_WORDS,
  (word) => isVariableName(word.replace(/=.*$/s, "")),
);

function variables(
  resolving: string,
  what: string,
  words: WordOptions,
  isGood: (word: string) => boolean,
): Grammar<readonly string[]> {
  return wordList({
    name: "names of environment variables",
    words,
    unclosed: "Trailing garbage in %k, ignoring: %v",
    read: (word, { key, specifiers }) => {
      const name = expandSpecifiers(word, specifiers);
      if (name === undefined)
        return new Complaint(`Failed to resolve ${resolving} in ${word}, ignoring: Invalid slot`);
      return isGood(name) ? name : new Complaint(`Invalid environment ${what} ${key}, ignoring: ${name}`);
    },
  });
}
