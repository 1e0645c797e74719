/** Grammars of single values: booleans, times, sizes, names, paths, signals. The composite ones of [Service] are service-values.ts. */
import { parseDuration } from "#base/duration.ts";
import { parsePercent, parseSize } from "#base/size.ts";
import { Complaint } from "./diagnostic.ts";
import { simplifyPath } from "./exec.ts";
import { expanded, type Grammar, grammar, map, type ValueContext } from "./grammar.ts";
import { isUnitName } from "./name.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { splitWords } from "./words.ts";

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "yes", "y", "true", "t", "on"].map((word) => [word, true] as const),
  ...["0", "no", "n", "false", "f", "off"].map((word) => [word, false] as const),
]);

export function parseBoolean(text: string): boolean | undefined {
  return BOOLEANS.get(text.toLowerCase());
}

export const boolean = grammar("yes or no", parseBoolean, "Failed to parse boolean value, ignoring");

/** The text as it stands. */
export const text: Grammar<string> = { name: "text", parse: (value) => value };

/** The text with specifiers expanded. */
export const expandedText: Grammar<string> = expanded(text);

/** The values of a key whose words only its reader can judge, or that only systemd reads. */
export const words: Grammar<readonly string[]> = { name: "words", parse: parseWords };

function parseWords(value: string, context: ValueContext): readonly string[] | Complaint {
  const split = splitWords(value);
  if (split.unbalanced) return new Complaint(`Unbalanced quoting, ignoring: "${value}"`);
  if (split.unknownEscape) context.warn(`Ignoring unknown escape sequences: "${value}"`);
  return split.words;
}

/** Words with specifiers expanded in each. */
export const expandedWords: Grammar<readonly string[]> = {
  name: "words",
  parse: (value, context) => {
    const split = parseWords(value, context);
    if (split instanceof Complaint) return split;
    const result: string[] = [];
    for (const word of split) {
      const expandedWord = expandSpecifiers(word, context.specifiers);
      if (expandedWord instanceof Complaint) return expandedWord;
      result.push(expandedWord);
    }
    return result;
  },
};

/** Milliseconds; Infinity for `infinity`. */
export const timeSpan = grammar(
  "a time span such as 90, 1min 30s or infinity",
  (value) => parseDuration(value),
  "Failed to parse sec value, ignoring",
);

/** Milliseconds where 0, too, means never. */
export const timeout: Grammar<number> = map(timeSpan, (ms) => (ms === 0 ? Number.POSITIVE_INFINITY : ms));

export function integer(min: number, max: number): Grammar<number> {
  const parse = (value: string): number | undefined => {
    const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  };
  return grammar(`a whole number from ${min} to ${max}`, parse, "Failed to parse integer value, ignoring");
}

export const unsigned = integer(0, 4_294_967_295);

/** Bytes; Infinity for `infinity`. */
export const size = grammar(
  "a size such as 512M",
  (value) => (value === "infinity" ? Number.POSITIVE_INFINITY : parseSize(value)),
  "Failed to parse size value, ignoring",
);

/** Bytes, or a share of what the machine has; Infinity bytes means no limit. */
export const memoryLimit = grammar(
  "a size such as 512M, a share such as 50%, or infinity",
  parseLimit,
  "Invalid memory limit, ignoring",
);

function parseLimit(value: string): { bytes: number } | { share: number } | undefined {
  if (value === "infinity") return { bytes: Number.POSITIVE_INFINITY };
  const share = parsePercent(value);
  if (share !== undefined) return share <= 1 ? { share } : undefined;
  const bytes = parseSize(value);
  return bytes === undefined ? undefined : { bytes };
}

export const tasksLimit = grammar(
  "a number of tasks, a share such as 50%, or infinity",
  parseTasks,
  "Invalid maximum tasks value, ignoring",
);

function parseTasks(value: string): { count: number } | { share: number } | undefined {
  const limit = parseLimit(value);
  if (limit === undefined || "share" in limit) return limit;
  return limit.bytes > 0 ? { count: limit.bytes } : undefined;
}

/** Cores: `50%` is 0.5; more than one core is allowed. */
export const cpuQuota = grammar(
  "a share of one core such as 50% or 200%",
  (value) => {
    const share = parsePercent(value);
    return share !== undefined && share > 0 ? share : undefined;
  },
  "Invalid CPU quota, ignoring",
);

export const cpuWeight = grammar(
  "a number from 1 to 10000, or idle",
  (value) => {
    if (value === "idle") return 0;
    const number = /^\d+$/.test(value) ? Number(value) : 0;
    return number >= 1 && number <= 10_000 ? number : undefined;
  },
  "Invalid CPU weight, ignoring",
);

/** An octal file mode. */
export const mode = grammar(
  "an octal mode such as 0022",
  (value) => (/^0?[0-7]{1,4}$/.test(value) ? Number.parseInt(value, 8) : undefined),
  "Failed to parse mode value, ignoring",
);

/** An absolute path, simplified. */
export const absolutePath: Grammar<string> = expanded(
  grammar("an absolute path", parsePath, "Path is not absolute, ignoring"),
);

export function parsePath(value: string): string | undefined {
  return value.startsWith("/") ? simplifyPath(value) : undefined;
}

/** Names of units, specifiers expanded; backslashes in them stand for themselves. */
export const unitNames: Grammar<readonly string[]> = {
  name: "unit names such as network.target web@1.service",
  parse: parseUnitNames,
};

function parseUnitNames(value: string, context: ValueContext): readonly string[] {
  const names: string[] = [];
  for (const word of splitWords(value, { retainEscapes: true, retainQuotes: true }).words) {
    const name = expandSpecifiers(word, context.specifiers);
    if (name instanceof Complaint) context.warn(`${name.message}, ignoring`);
    else if (isUnitName(name)) names.push(name);
    else context.warn(`Failed to add dependency on ${name}, ignoring: Invalid argument`);
  }
  return names;
}

/** One unit's name. */
export const unitName: Grammar<string> = expanded(
  grammar("a unit name", (value) => (isUnitName(value) ? value : undefined), "Unit name not valid, ignoring"),
);

/** Linux's signals by number, from 1. */
const SIGNALS = (
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG " +
  "XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
).split(" ");

/** The name without SIG of `SIGTERM`, `TERM` or `15`; also RTMIN+n. */
export function parseSignal(value: string): string | undefined {
  const name = value.replace(/^SIG/, "");
  if (SIGNALS.includes(name)) return name;
  if (/^RTMIN(\+([0-9]|[12][0-9]|30))?$|^RTMAX(-([0-9]|[12][0-9]|30))?$/.test(name)) return name;
  return /^\d+$/.test(value) ? SIGNALS[Number(value) - 1] : undefined;
}

export const signal = grammar(
  "a signal such as SIGTERM",
  parseSignal,
  "Failed to parse kill signal, ignoring",
);
