/** Grammars of single values: booleans, times, sizes, names, paths, signals. Composite ones are service-values.ts, limits resource-values.ts. */
import { parseDuration } from "#base/duration.ts";
import { parseInteger } from "#base/number.ts";
import { readSize } from "#base/size.ts";
import { Complaint, type Severity } from "./diagnostic.ts";
import { simplifyPath } from "./exec.ts";
import {
  expanded,
  type Grammar,
  grammar,
  refusingEmpty,
  type UnresolvedForm,
  unresolved,
  type ValueContext,
} from "./grammar.ts";
import { isUnitName, type UnitName } from "./name.ts";
import { expandNameSpecifiers, expandSpecifiers } from "./specifiers.ts";
import { wordList } from "./word-list.ts";
import { LITERAL_WORDS, splitWords, TUPLE_WORDS } from "./words.ts";

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "yes", "y", "true", "t", "on"].map((word) => [word, true] as const),
  ...["0", "no", "n", "false", "f", "off"].map((word) => [word, false] as const),
]);

export function parseBoolean(text: string): boolean | undefined {
  return BOOLEANS.get(text.toLowerCase());
}

export const boolean = refusingEmpty(
  grammar("yes or no", parseBoolean, "Failed to parse boolean value, ignoring: %v"),
);

/** A boolean that has a way back to its default. */
export const resettableBoolean = grammar(
  "yes or no",
  parseBoolean,
  "Failed to parse boolean value, ignoring: %v",
);

/** A boolean that spoils the unit when it is none. */
export const fatalBoolean = refusingEmpty(
  grammar("yes or no", parseBoolean, "Failed to parse boolean value: %v", "error"),
);

/** The text as it stands. */
export const text: Grammar<string> = { name: "text", parse: (value) => value };

/** The text with specifiers expanded. */
export const expandedText: Grammar<string> = expanded(text);

/** What systemd no longer reads: whatever is written, nothing comes of it. */
export const nothing: Grammar<string> = {
  name: "nothing: the key means nothing any more",
  takesEmpty: true,
  parse: (value) => value,
};

/** systemd's words about such a key. */
export const REMOVED = "Support for option %k= has been removed and it is ignored";

/** Addresses of documentation, as Documentation= takes them; specifiers are expanded before words are told apart. */
export const documentationUrls: Grammar<readonly string[]> = expanded(
  wordList({
    words: TUPLE_WORDS,
    name: "addresses such as man:web(8) or https://example.org",
    read: (word) =>
      /^(https?:\/\/|file:\/|info:|man:)./.test(word)
        ? word
        : new Complaint(`Invalid URL, ignoring: ${word}`),
  }),
);

const TIME_SPAN = "a time span such as 90, 1min 30s or infinity";

/** Milliseconds; Infinity for `infinity`. */
export const timeSpan = timeSpanGrammar("Failed to parse sec value, ignoring: %v");

/** Milliseconds, and a way back to the default, which is no limit. */
export const resettableTimeSpan = grammar(
  TIME_SPAN,
  (value) => parseDuration(value),
  "Failed to parse sec_def_infinity value, ignoring: %v",
);

function timeSpanGrammar(complaint: string): Grammar<number> {
  return refusingEmpty(grammar(TIME_SPAN, (value) => parseDuration(value), complaint));
}

/** Milliseconds where 0, too, means never. */
export const timeout = timeoutGrammar("Failed to parse %k= parameter, ignoring: %v");

/** The same; systemd words its complaint about most of them in this way. */
export const stopTimeout = timeoutGrammar("Failed to parse time value, ignoring: %v");

function timeoutGrammar(complaint: string): Grammar<number> {
  const parse = (value: string): number | undefined => {
    const ms = parseDuration(value);
    return ms === 0 ? Number.POSITIVE_INFINITY : ms;
  };
  return refusingEmpty(grammar(TIME_SPAN, parse, complaint));
}

/** Milliseconds, 0 being at once; empty: as long as a stop takes. */
export const abortTimeout = grammar(
  TIME_SPAN,
  (value) => parseDuration(value),
  "Failed to parse %k= setting, ignoring: %v",
);

/**
 * A whole number. `notNumber` is the complaint where systemd tells a text that is no number from a number out of range.
 */
export function integer(
  min: number,
  max: number,
  outOfRange = "Failed to parse %k=, ignoring: %v",
  notNumber = outOfRange,
): Grammar<number> {
  const faults = {
    "Invalid argument": grammar<number>("", () => undefined, notNumber),
    "Numerical result out of range": grammar<number>("", () => undefined, outOfRange),
  };
  return {
    name: `a whole number from ${min} to ${max}`,
    parse: (value, context) => {
      const number = parseInteger(value, min, max);
      return typeof number === "number" ? number : faults[number].parse(value, context);
    },
  };
}

export const resettableUnsigned = integer(0, 4_294_967_295, "Failed to parse unsigned value, ignoring: %v");
export const unsigned = refusingEmpty(resettableUnsigned);

export const int = refusingEmpty(
  integer(-2_147_483_648, 2_147_483_647, "Failed to parse int value, ignoring: %v"),
);

export const long = refusingEmpty(integer(-(2 ** 63), 2 ** 63, "Failed to parse long value, ignoring: %v"));

/** Bytes. */
export const size: Grammar<number> = {
  name: "a size such as 512M",
  takesEmpty: true,
  parse: (value) => {
    const bytes = readSize(value);
    return typeof bytes === "number"
      ? bytes
      : new Complaint(`Failed to parse size value '${value}', ignoring: ${bytes}`);
  },
};

/** An octal file mode. */
export const mode = refusingEmpty(
  grammar(
    "an octal mode such as 0022",
    (value) => {
      const bits = /^[0-7]+$/.test(value) ? Number.parseInt(value, 8) : Number.NaN;
      return bits <= 0o7777 ? bits : undefined;
    },
    "Failed to parse mode value, ignoring: %v",
  ),
);

/** `resets`: what comes to nothing when specifiers are expanded resets the key, as an empty value does. */
function pathGrammar(form: UnresolvedForm, resets: boolean): Grammar<string> {
  const isFatal = form.startsWith("fatal");
  return expanded(
    {
      name: "an absolute path",
      parse: (value, { key }) =>
        value === "" && resets ? value : readPath(key, value, isFatal ? "error" : "warning"),
    },
    form,
  );
}

/** An absolute path, simplified. */
export const absolutePath = pathGrammar("quoted", true);

/** The same, of which there is a list; nothing is no path. */
export const listedPath = pathGrammar("quoted", false);

/** The same; of an unknown specifier systemd speaks in another way. */
export const watchedPath = pathGrammar("bare", false);

/** The same; anything else spoils the unit. */
export const fatalPath = pathGrammar("fatalQuoted", true);

/** The simplified path, or systemd's words for what is wrong with it. */
export function readPath(key: string, value: string, severity: Severity = "warning"): string | Complaint {
  const fault = pathFault(value);
  if (fault === undefined) return simplifyPath(value);
  return new Complaint(
    `${key}= path is ${fault}${severity === "error" ? "" : ", ignoring"}: ${value}`,
    severity,
    value,
  );
}

/** The path without the legacy directory; whoever writes it is told so. */
export function patchVarRun(path: string, { key, warn }: ValueContext): string {
  if (!path.startsWith("/var/run/")) return path;
  const patched = path.replace("/var/run/", "/run/");
  warn(
    `${key}= references a path below legacy directory /var/run/, updating ${path} → ${patched}; ` +
      "please update the unit file accordingly.",
    path,
  );
  return patched;
}

/** systemd's words for what is wrong with a path. */
export function pathFault(value: string): "not absolute" | "not normalized" | undefined {
  if (!value.startsWith("/")) return "not absolute";
  return value.includes("..") && value.split("/").includes("..") ? "not normalized" : undefined;
}

/** Names of units, specifiers expanded; backslashes in them stand for themselves, templates for the unit's own instance. */
export const unitNames = wordList<string>({
  name: "unit names such as network.target web@1.service",
  words: LITERAL_WORDS,
  specifiers: "quoted",
  areNames: true,
  read: (word, { specifiers: { unit } }) => {
    if (!isUnitName(word))
      return new Complaint(`Failed to add dependency on ${word}, ignoring: Invalid argument`);
    return instantiate(word, unit);
  },
});

/** A template stands for its instance of the unit's own instance name. */
function instantiate(name: string, unit: UnitName): string {
  return name.includes("@.") ? name.replace("@.", `@${unit.instance ?? unit.prefix}.`) : name;
}

/** Names of units that are to be linked when the unit is enabled; systemd reads them only then. */
export const installedNames: Grammar<readonly string[]> = {
  name: unitNames.name,
  parse: (value, { specifiers }) =>
    splitWords(value, LITERAL_WORDS).words.flatMap((word) => {
      const name = expandSpecifiers(word, specifiers);
      return name !== undefined && isUnitName(name) ? [name] : [];
    }),
};

/** Why no unit of this name can be loaded, in systemd's words. */
export function loadFault(name: string): string | undefined {
  if (!isUnitName(name)) return `Unit name ${name} is not valid.`;
  return name.includes("@.") ? `Unit name ${name} is missing the instance name.` : undefined;
}

/** One unit's name; what it is a name of is the type that stands behind the dot. */
export const unitName: Grammar<string> = refusingEmpty({
  name: "a unit name",
  parse: (value, { specifiers }) => {
    const name = expandNameSpecifiers(value, specifiers);
    if (name === undefined) return unresolved(value, "bare");
    if (!isUnitName(name)) return new Complaint(`Unit type not valid, ignoring: ${value}`);
    if (name === specifiers.unit.full)
      return new Complaint(`Units cannot trigger themselves, ignoring: ${value}`);
    return instantiate(name, specifiers.unit);
  },
});

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
  const number = parseInteger(value, 1, 64);
  return typeof number === "number" ? signalByNumber(number) : undefined;
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

export const signal = refusingEmpty(
  grammar("a signal such as SIGTERM", parseSignal, "Failed to parse signal name, ignoring: %v"),
);
