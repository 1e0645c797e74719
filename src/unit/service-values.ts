/** Grammars of the composite values of [Service]: exit statuses, limits, outputs, directories, environment files. */
import { parseDuration } from "#base/duration.ts";
import { parseSize } from "#base/size.ts";
import { Complaint } from "./diagnostic.ts";
import { expanded, type Grammar, grammar, type ValueContext } from "./grammar.ts";
import type { EnvironmentFile, ExitStatusSet, OutputTarget } from "./service.ts";
import { parsePath, parseSignal } from "./values.ts";
import { splitWords } from "./words.ts";

/** Names of exit codes that SuccessExitStatus= and its like take (systemd.exec(5), "Process Exit Codes"; sysexits.h). */
const EXIT_NAMES: ReadonlyMap<string, number> = new Map([
  ["SUCCESS", 0],
  ["FAILURE", 1],
  ["INVALIDARGUMENT", 2],
  ["NOTIMPLEMENTED", 3],
  ["NOPERMISSION", 4],
  ["NOTINSTALLED", 5],
  ["NOTCONFIGURED", 6],
  ["NOTRUNNING", 7],
  ..."USAGE DATAERR NOINPUT NOUSER NOHOST UNAVAILABLE SOFTWARE OSERR OSFILE CANTCREAT IOERR TEMPFAIL PROTOCOL NOPERM CONFIG"
    .split(" ")
    .map((name, index) => [name, 64 + index] as const),
]);

/** `1 6 SIGKILL TEMPFAIL`: codes and signals. */
export const exitStatuses: Grammar<ExitStatusSet> = {
  name: "exit codes and signals such as 1 6 SIGKILL",
  parse: parseExitStatuses,
};

function parseExitStatuses(value: string, context: ValueContext): ExitStatusSet {
  const codes: number[] = [];
  const signals: string[] = [];
  for (const word of splitWords(value).words) {
    const code = parseExitCode(word);
    const signal = code === undefined && !/^\d+$/.test(word) ? parseSignal(word) : undefined;
    if (code !== undefined) codes.push(code);
    else if (signal !== undefined) signals.push(signal);
    else context.warn(`Failed to parse value, ignoring: ${word}`);
  }
  return { codes, signals };
}

function parseExitCode(word: string): number | undefined {
  if (!/^\d+$/.test(word)) return EXIT_NAMES.get(word);
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
    "EnvironmentFile= path is not absolute, ignoring",
  ),
);

export interface WorkingDirectory {
  readonly path: string;
  readonly optional: boolean;
}

/** An absolute path or `~`, which is the home of the unit's user. */
export const workingDirectory: Grammar<WorkingDirectory> = expanded(
  grammar(
    "an absolute path or ~, after - for one that may be missing",
    (value) => {
      const optional = value.startsWith("-");
      const rest = optional ? value.slice(1) : value;
      const path = rest === "~" ? rest : parsePath(rest);
      return path === undefined ? undefined : { path, optional };
    },
    "Failed to parse working directory path, ignoring",
    "error",
  ),
);

const JOURNAL_WORDS = [
  "journal",
  "kmsg",
  "syslog",
  "journal+console",
  "kmsg+console",
  "syslog+console",
  "tty",
];

/** StandardOutput= and StandardError=. Consoles and the kernel's log are the journal's business here. */
export const outputTarget: Grammar<OutputTarget> = expanded(
  grammar(
    "journal, null, inherit, file:PATH, append:PATH or truncate:PATH",
    parseOutput,
    "Failed to parse output specifier, ignoring",
  ),
);

function parseOutput(value: string): OutputTarget | undefined {
  if (value === "null" || value === "inherit") return { kind: value };
  if (JOURNAL_WORDS.includes(value)) return { kind: "journal" };
  if (value === "socket" || /^fd(:.+)?$/.test(value)) return { kind: "inherit" };
  const match = /^(file|append|truncate):(.*)$/.exec(value);
  const path = parsePath(match?.[2] ?? "");
  if (path === undefined) return undefined;
  if (match?.[1] === "append" || match?.[1] === "truncate") return { kind: match[1], path };
  return { kind: "file", path };
}

export interface LimitPair {
  readonly soft: number;
  readonly hard: number;
}

/** Units of a resource limit: a count, bytes, seconds (LimitCPU=) or microseconds (LimitRTTIME=). */
export type LimitUnit = "count" | "bytes" | "seconds" | "microseconds" | "nice";

/** `1024:524288`, `infinity`, `1G`: soft and hard limit, one value being both. */
export function resourceLimit(unit: LimitUnit): Grammar<LimitPair> {
  return grammar(
    "a limit, or soft:hard, each a number or infinity",
    (value) => {
      const [soft, hard, more] = value.split(":").map((part) => parseLimit(part.trim(), unit));
      if (soft === undefined || more !== undefined || (value.includes(":") && hard === undefined))
        return undefined;
      const pair = { soft, hard: hard ?? soft };
      return pair.soft <= pair.hard ? pair : undefined;
    },
    "Failed to parse resource value, ignoring",
  );
}

function parseLimit(value: string, unit: LimitUnit): number | undefined {
  if (value === "infinity") return Number.POSITIVE_INFINITY;
  if (unit === "bytes") return parseSize(value);
  if (unit === "seconds") return wholeUnits(parseDuration(value), 1000);
  if (unit === "microseconds") return wholeUnits(parseDuration(value, 1 / 1000), 1 / 1000);
  if (unit === "nice") return parseNiceLimit(value);
  return /^\d+$/.test(value) ? Number(value) : undefined;
}

/** setrlimit counts whole units; what is begun counts. */
function wholeUnits(ms: number | undefined, unitMs: number): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / unitMs);
}

/** `+5` and `-5` are nice levels, which the kernel counts as 20 minus the level; a bare number is the kernel's own. */
function parseNiceLimit(value: string): number | undefined {
  const match = /^([+-]?)(\d+)$/.exec(value);
  if (match === null) return undefined;
  const number = Number(match[2]);
  if (match[1] === "") return number;
  const level = match[1] === "-" ? -number : number;
  return level >= -20 && level <= 19 ? 20 - level : undefined;
}

/** Relative paths below the runtime or state directory. */
export const relativeDirectories: Grammar<readonly string[]> = expandedDirectories();

function expandedDirectories(): Grammar<readonly string[]> {
  return expanded({
    name: "relative paths",
    parse: (value, context) => {
      const split = splitWords(value);
      if (split.unbalanced) return new Complaint(`Unbalanced quoting, ignoring: "${value}"`);
      return split.words.filter((word) => {
        const path = word.split(":")[0] ?? "";
        const isGood = path !== "" && !path.startsWith("/") && !path.split("/").some((part) => part === "..");
        if (!isGood) context.warn(`RuntimeDirectory= or its like needs a relative path, ignoring: ${word}`);
        return isGood;
      });
    },
  });
}

/** A user or group by name or number. */
export const account: Grammar<string> = expanded(
  grammar(
    "a user or group name or number",
    (value) => (/^([A-Za-z_][A-Za-z0-9_.-]*\$?|\d+)$/.test(value) ? value : undefined),
    "Invalid user/group name or numeric ID, ignoring",
    "error",
  ),
);
