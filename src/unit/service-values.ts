/** Grammars of the composite values of [Service]: exit statuses, outputs, directories, accounts, environment files. */
import { Complaint } from "./diagnostic.ts";
import { isVariableName } from "./environment.ts";
import { simplifyPath } from "./exec.ts";
import type { EnvironmentFile } from "./exec-settings.ts";
import { exitCodeOf } from "./exit-status.ts";
import { expanded, type Grammar, grammar, type ValueContext } from "./grammar.ts";
import type { ExitStatusSet } from "./service.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { parsePath, parseSignal, pathFault } from "./values.ts";
import { PLAIN_WORDS, splitWords } from "./words.ts";

/** `1 6 SIGKILL TEMPFAIL`: codes and signals. */
export const exitStatuses: Grammar<ExitStatusSet> = {
  name: "exit codes and signals such as 1 6 SIGKILL",
  parse: parseExitStatuses,
};

function parseExitStatuses(value: string, context: ValueContext): ExitStatusSet {
  const codes: number[] = [];
  const signals: string[] = [];
  for (const word of splitWords(value, PLAIN_WORDS).words) {
    const code = parseExitCode(word);
    const signal = code === undefined && !/^\+?\d+$/.test(word) ? parseSignal(word) : undefined;
    if (code !== undefined) codes.push(code);
    else if (signal !== undefined) signals.push(signal);
    else context.warn(`Failed to parse value, ignoring: ${word}`);
  }
  return { codes, signals };
}

function parseExitCode(word: string): number | undefined {
  if (!/^\+?\d+$/.test(word)) return exitCodeOf(word);
  return Number(word) <= 255 ? Number(word) : undefined;
}

/** `/etc/default/web`, or `-/etc/default/web` for one that may be missing. */
export const environmentFile: Grammar<EnvironmentFile> = expanded(
  grammar(
    "an absolute path, after - for one that may be missing",
    (value) => {
      const optional = value.startsWith("-");
      const path = parsePath(optional ? value.slice(1) : value);
      return path === undefined ? undefined : { path, optional };
    },
    "%k= path is not absolute, ignoring: %v",
  ),
);

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
    const fault = text === "~" ? undefined : pathFault(text);
    if (fault !== undefined)
      return new Complaint(`WorkingDirectory= path is ${fault}${ignoring}: ${text}`, severity);
    return { path: text === "~" ? text : simplifyPath(text), optional };
  },
};

/**
 * A user or group by name or number. systemd takes names that useradd would not, with a warning; what could be taken
 * for a path or a line of passwd(5) makes the unit one that cannot be run.
 */
export const account: Grammar<string> = expanded(
  grammar(
    "a user or group name or number",
    (value, context) => {
      if (/^([A-Za-z_][A-Za-z0-9_-]{0,30}\$?|0|[1-9]\d*)$/.test(value)) return value;
      if (value.length > 255 || /^\.{1,2}$|^[+-]?\d+$|[/:\p{Cc}]/u.test(value)) return undefined;
      context.warn(
        `Accepting user/group name '${value}', which does not match strict user/group name rules.`,
      );
      return value;
    },
    "Invalid user/group name or numeric ID: %v",
    "error",
  ),
  "error",
);

/** Groups by name or number; an unknown specifier makes the unit one that cannot be run. */
export const accounts: Grammar<readonly string[]> = {
  name: "user or group names or numbers",
  parse: (value, context) => {
    const groups: string[] = [];
    for (const word of splitWords(value, PLAIN_WORDS).words) {
      const group = account.parse(word, context);
      if (group instanceof Complaint) return group;
      groups.push(group);
    }
    return groups;
  },
};

/** Names of variables, for PassEnvironment=. */
export const variableNames = variables("name for", isVariableName);

/** Names of variables, or whole assignments, for UnsetEnvironment=. */
export const variableNamesOrAssignments = variables("name or assignment", (word) =>
  isVariableName(word.replace(/=.*$/s, "")),
);

function variables(what: string, isGood: (word: string) => boolean): Grammar<readonly string[]> {
  return {
    name: "names of environment variables",
    parse: (value, { key, specifiers, warn }) =>
      splitWords(value).words.flatMap((word) => {
        const expandedWord = expandSpecifiers(word, specifiers);
        if (expandedWord !== undefined && isGood(expandedWord)) return [expandedWord];
        if (expandedWord === undefined)
          warn(`Failed to resolve specifiers in ${word}, ignoring: Invalid slot`);
        else warn(`Invalid environment ${what} ${key}, ignoring: ${word}`);
        return [];
      }),
  };
}
