/** Grammars of single values: booleans, times, sizes, names, paths, signals. Composite ones are service-values.ts, limits resource-values.ts. */
import { parseDuration } from "#base/duration.ts";
import { parseSize } from "#base/size.ts";
import { Complaint } from "./diagnostic.ts";
import { simplifyPath } from "./exec.ts";
import { expanded, type Grammar, grammar, unresolved, type ValueContext } from "./grammar.ts";
import { isUnitName } from "./name.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { LITERAL_WORDS, splitWords } from "./words.ts";

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "yes", "y", "true", "t", "on"].map((word) => [word, true] as const),
  ...["0", "no", "n", "false", "f", "off"].map((word) => [word, false] as const),
]);

export function parseBoolean(text: string): boolean | undefined {
  return BOOLEANS.get(text.toLowerCase());
}

export const boolean = grammar("yes or no", parseBoolean, "Failed to parse boolean value, ignoring: %v");

/** The text as it stands. */
export const text: Grammar<string> = { name: "text", parse: (value) => value };

/** The text with specifiers expanded. */
export const expandedText: Grammar<string> = expanded(text);

/** Words that only systemd judges. */
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
      if (expandedWord === undefined) return unresolved(word, "warning");
      result.push(expandedWord);
    }
    return result;
  },
};

/** Addresses of documentation, as Documentation= takes them. */
export const documentationUrls: Grammar<readonly string[]> = {
  name: "addresses such as man:web(8) or https://example.org",
  parse: (value, context) => {
    const found = expandedWords.parse(value, context);
    if (found instanceof Complaint) return found;
    return found.filter((url) => {
      const isUrl = /^(https?:\/\/|file:\/|info:|man:)./.test(url);
      if (!isUrl) context.warn(`Invalid URL, ignoring: ${url}`);
      return isUrl;
    });
  },
};

/** Milliseconds; Infinity for `infinity`. */
export const timeSpan = grammar(
  "a time span such as 90, 1min 30s or infinity",
  (value) => parseDuration(value),
  "Failed to parse sec value, ignoring: %v",
);

/** Milliseconds where 0, too, means never. */
export const timeout = timeoutGrammar("Failed to parse %k= parameter, ignoring: %v");

/** The same; systemd words its complaint about TimeoutStopSec= in its own way. */
export const stopTimeout = timeoutGrammar("Failed to parse time value, ignoring: %v");

function timeoutGrammar(complaint: string): Grammar<number> {
  const parse = (value: string): number | undefined => {
    const ms = parseDuration(value);
    return ms === 0 ? Number.POSITIVE_INFINITY : ms;
  };
  return grammar(timeSpan.name, parse, complaint);
}

/** `notNumber` is the complaint where systemd tells a text that is no number from a number out of range. */
export function integer(
  min: number,
  max: number,
  outOfRange = "Failed to parse %k=, ignoring: %v",
  notNumber = outOfRange,
): Grammar<number> {
  const name = `a whole number from ${min} to ${max}`;
  const inRange = grammar(
    name,
    (value) => (Number(value) >= min && Number(value) <= max ? Number(value) : undefined),
    outOfRange,
  );
  const digits = /^[+-]?\d+$/;
  return grammar(
    name,
    (value, context) => (digits.test(value) ? inRange.parse(value, context) : undefined),
    notNumber,
  );
}

export const unsigned = integer(0, 4_294_967_295, "Failed to parse unsigned value, ignoring: %v");

/** Bytes; Infinity for `infinity`. */
export const size = grammar(
  "a size such as 512M",
  (value) => (value === "infinity" ? Number.POSITIVE_INFINITY : parseSize(value)),
  "Failed to parse size value, ignoring: %v",
);

/** An octal file mode. */
export const mode = grammar(
  "an octal mode such as 0022",
  (value) => (/^0?[0-7]{1,4}$/.test(value) ? Number.parseInt(value, 8) : undefined),
  "Failed to parse mode value, ignoring: %v",
);

/** An absolute path, simplified. */
export const absolutePath: Grammar<string> = expanded({
  name: "an absolute path",
  parse: (value, { key }) => {
    const fault = pathFault(value);
    return fault === undefined
      ? simplifyPath(value)
      : new Complaint(`${key}= path is ${fault}, ignoring: ${value}`);
  },
});

/** The simplified path, or undefined when it is not absolute or goes up. */
export function parsePath(value: string): string | undefined {
  return pathFault(value) === undefined ? simplifyPath(value) : undefined;
}

/** systemd's words for what is wrong with a path. */
export function pathFault(value: string): "not absolute" | "not normalized" | undefined {
  if (!value.startsWith("/")) return "not absolute";
  return value.split("/").includes("..") ? "not normalized" : undefined;
}

/** Names of units, specifiers expanded; backslashes in them stand for themselves. */
export const unitNames: Grammar<readonly string[]> = {
  name: "unit names such as network.target web@1.service",
  parse: parseUnitNames,
};

function parseUnitNames(value: string, context: ValueContext): readonly string[] {
  const names: string[] = [];
  for (const word of splitWords(value, LITERAL_WORDS).words) {
    const name = expandSpecifiers(word, context.specifiers);
    if (name === undefined) context.warn(unresolved(word, "warning").message);
    else if (isUnitName(name)) names.push(name);
    else context.warn(`Failed to add dependency on ${name}, ignoring: Invalid argument`);
  }
  return names;
}

/** One unit's name. */
export const unitName: Grammar<string> = expanded(
  grammar(
    "a unit name",
    (value) => (isUnitName(value) ? value : undefined),
    "Unit type not valid, ignoring: %v",
  ),
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
  return /^\+?\d{1,2}$/.test(value) ? signalByNumber(Number(value)) : undefined;
}

/** The number of a signal that is named without SIG; undefined for a name that is none. */
export function signalNumber(name: string): number | undefined {
  const index = SIGNALS.indexOf(name);
  if (index >= 0) return index + 1;
  const [, end, distance = "0"] = /^RT(MIN|MAX)[+-]?(\d*)$/.exec(name) ?? [];
  if (end === undefined) return undefined;
  return end === "MIN" ? 34 + Number(distance) : 64 - Number(distance);
}

/** The C library keeps 32 and 33 to itself; 34 to 64 are real-time signals. */
export function signalByNumber(number: number): string | undefined {
  if (number < 34) return SIGNALS[number - 1];
  return number <= 64 ? `RTMIN${number === 34 ? "" : `+${number - 34}`}` : undefined;
}

export const signal = grammar(
  "a signal such as SIGTERM",
  parseSignal,
  "Failed to parse signal name, ignoring: %v",
);
