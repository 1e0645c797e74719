/** Grammars of values that say how a command is run: streams, scheduling, logging, directories, credentials. */
import { parseDuration } from "#base/duration.ts";
import { parseInteger } from "#base/number.ts";
import { parseCpus } from "./device-values.ts";
import { Complaint } from "./diagnostic.ts";
import type { InputSource, LoadedCredential, OutputTarget } from "./exec-settings.ts";
import {
  expanded,
  type Grammar,
  grammar,
  refusingEmpty,
  type UnresolvedForm,
  unresolved,
  type ValueContext,
} from "./grammar.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { readPath } from "./values.ts";
import { wordList } from "./word-list.ts";
import {
  COLON_WORDS,
  ESCAPED_WORDS,
  splitWords,
  TUPLE_PARTS,
  TUPLE_WORDS,
  takeWord,
  unescapeText,
} from "./words.ts";

// --- streams -----------------------------------------------------------------------------------------------------

/** Words of systemd's whose target is the journal here, a console among them. */
const JOURNAL_WORDS = ["journal", "syslog", "journal+console", "syslog+console", "tty"];
const OBSOLETE_WORDS: ReadonlyMap<string, string> = new Map([
  ["syslog", "journal"],
  ["syslog+console", "journal+console"],
]);

/** StandardOutput= and StandardError=. A console is the journal's business here. */
export const outputTarget: Grammar<OutputTarget> = refusingEmpty({
  name: "journal, null, inherit, file:PATH, append:PATH or truncate:PATH",
  parse: parseOutput,
});

function parseOutput(value: string, context: ValueContext): OutputTarget | Complaint {
  if (value === "null" || value === "inherit" || value === "socket") return { kind: value };
  if (value === "kmsg" || value === "kmsg+console") return { kind: "kmsg" };
  if (JOURNAL_WORDS.includes(value)) {
    warnObsolete(value, context);
    return { kind: "journal" };
  }
  if (value === "fd") return { kind: "fd", name: "stdout" };
  if (value.startsWith("fd:")) return readDescriptor(value.slice(3), "stdout", "unignored", context);
  const match = /^(file|append|truncate):(.*)$/s.exec(value);
  if (match === null) return new Complaint(`Failed to parse output specifier, ignoring: ${value}`);
  const path = readStreamPath(match[2] ?? "", "bare", context);
  if (path instanceof Complaint) return path;
  return { kind: match[1] === "append" || match[1] === "truncate" ? match[1] : "file", path };
}

function warnObsolete(value: string, context: ValueContext): void {
  const instead = OBSOLETE_WORDS.get(value);
  if (instead === undefined) return;
  context.warn(
    `Standard output type ${value} is obsolete, automatically updating to ${instead}. ` +
      "Please update your unit file, and consider removing the setting altogether.",
  );
}

/** A terminal is not to be had here: such a command reads nothing. */
export const inputSource: Grammar<InputSource> = refusingEmpty({
  name: "null, data, file:PATH, fd:NAME or socket",
  parse: parseInput,
});

function parseInput(value: string, context: ValueContext): InputSource | Complaint {
  if (value === "null" || value === "data" || value === "socket") return { kind: value };
  if (value === "tty" || value === "tty-force" || value === "tty-fail") return { kind: "null" };
  if (value === "fd") return { kind: "fd", name: "stdin" };
  if (value.startsWith("fd:")) return readDescriptor(value.slice(3), "stdin", "quoted", context);
  if (!value.startsWith("file:")) return new Complaint(`Failed to parse input specifier, ignoring: ${value}`);
  const path = readStreamPath(value.slice(5), "quoted", context);
  return path instanceof Complaint ? path : { kind: "file", path };
}

function readDescriptor(
  text: string,
  usual: "stdin" | "stdout",
  form: UnresolvedForm,
  { specifiers }: ValueContext,
): { readonly kind: "fd"; readonly name: string } | Complaint {
  const name = expandSpecifiers(text, specifiers);
  if (name === undefined) return unresolved(text, form);
  if (name === "") return { kind: "fd", name: usual };
  return isDescriptorName(name)
    ? { kind: "fd", name }
    : new Complaint(`Invalid file descriptor name, ignoring: ${name}`);
}

/** What sd_listen_fds_with_names(3) tells descriptors apart by: it has to stand between colons in LISTEN_FDNAMES=. */
export function isDescriptorName(name: string): boolean {
  return /^[\x20-\x39\x3b-\x7e]{0,255}$/.test(name);
}

/** systemd speaks of a bad path as if it spoilt the unit, and goes on without the line. */
function readStreamPath(
  text: string,
  form: UnresolvedForm,
  { key, specifiers }: ValueContext,
): string | Complaint {
  const value = expandSpecifiers(text, specifiers);
  if (value === undefined) return unresolved(text, form);
  const path = readPath(key, value, "error");
  return path instanceof Complaint ? new Complaint(path.message, "warning", text) : path;
}

/** A line for the standard input; escapes count as in C. */
export const inputText: Grammar<string> = {
  name: "text",
  parse: (value, { specifiers }) => {
    const text = unescapeText(value);
    if (text === undefined)
      return new Complaint(`Failed to decode C escaped text '${value}', ignoring: Invalid argument`);
    const line = expandSpecifiers(text, specifiers);
    return line === undefined ? unresolved(text) : `${line}\n`;
  },
};

export const inputData = grammar("data in Base64", parseBase64, "Failed to decode base64 data, ignoring: %v");

/** Blanks count for nothing; the padding must be there. */
export function parseBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(digits)) return undefined;
  return Uint8Array.from(atob(digits), (char) => char.charCodeAt(0));
}

// --- scheduling --------------------------------------------------------------------------------------------------

/** `none`, `realtime`, `best-effort`, `idle`, or the kernel's number. */
export const ioClass = grammar(
  "realtime, best-effort or idle",
  (value) => numbered(["none", "realtime", "best-effort", "idle"], 8, value),
  "Failed to parse IO scheduling class, ignoring: %v",
);

const CPU_POLICIES: Readonly<Record<string, number>> = { other: 0, fifo: 1, rr: 2, batch: 3, idle: 5 };

export const cpuPolicy = grammar(
  "other, batch, idle, fifo or rr",
  (value) => (Object.hasOwn(CPU_POLICIES, value) ? CPU_POLICIES[value] : numbered([], 2 ** 31 - 1, value)),
  "Failed to parse CPU scheduling policy, ignoring: %v",
);

/** The place of the name in the list, or a number from 0 to `max` as it is. */
function numbered(names: readonly string[], max: number, value: string): number | undefined {
  if (names.includes(value)) return names.indexOf(value);
  const number = parseInteger(value, 0, max);
  return typeof number === "number" ? number : undefined;
}

/** Of the policies fifo and rr. */
export const cpuPriority: Grammar<number> = refusingEmpty({
  name: "a whole number from 0 to 99",
  parse: (value) => {
    const priority = parseInteger(value, -(2 ** 31), 2 ** 31 - 1);
    if (typeof priority !== "number")
      return new Complaint(`Failed to parse CPU scheduling priority, ignoring: ${value}`);
    if (priority >= 0 && priority <= 99) return priority;
    return new Complaint(`CPU scheduling priority is out of range, ignoring: ${value}`);
  },
});

/** Numbers of processors: `0-3 5`, `1,2`. */
export const cpuSet: Grammar<readonly number[]> = expanded({
  name: "numbers of processors such as 0-3 5",
  parse: (value, context) => {
    // The processors of NUMAMask= are not known here.
    if (value === "numa") return [];
    const cpus = parseCpus(value, context);
    return cpus instanceof Complaint ? cpus : [...new Set(cpus)].sort((a, b) => a - b);
  },
});

/** Nanoseconds; a bare number counts them. */
export const nanoseconds = refusingEmpty(
  grammar(
    "a time span such as 50us; a bare number counts nanoseconds",
    (value) => {
      const ms = parseDuration(value.replace(/^(\+?\d+)\s*n(?:s|sec)$/, "$1"), 1e-6);
      const ns = Math.round((ms ?? Number.NaN) * 1e6);
      return ns < 2 ** 64 || ns === Number.POSITIVE_INFINITY ? ns : undefined;
    },
    "Failed to parse nsec value, ignoring: %v",
  ),
);

/** Numbers of personality(2): 32-bit programs are told of a 32-bit machine. */
const PERSONALITIES: Readonly<Record<string, number>> = {
  x86: 8,
  "x86-64": 0,
  arm: 8,
  arm64: 0,
  riscv64: 0,
  ppc: 8,
  ppc64: 0,
  "ppc64-le": 0,
  s390: 8,
  s390x: 0,
};

/** The 32-bit architecture beside each 64-bit one. */
const SECONDARY: Readonly<Record<string, string>> = {
  "x86-64": "x86",
  arm64: "arm",
  ppc64: "ppc",
  s390x: "s390",
};

export const personality = grammar(
  "the machine's architecture, or the 32-bit one that belongs to it, such as x86-64 or x86",
  (value, { specifiers: { architecture } }) =>
    value === architecture || value === SECONDARY[architecture] ? PERSONALITIES[value] : undefined,
  "Failed to parse personality, ignoring: %v",
);

const SECURE_BITS = [
  "noroot",
  "noroot-locked",
  "no-setuid-fixup",
  "no-setuid-fixup-locked",
  "keep-caps",
  "keep-caps-locked",
];

/** A mask as prctl(PR_SET_SECUREBITS) takes it; words that are no bits mean nothing. */
export const secureBits: Grammar<number> = {
  name: SECURE_BITS.join(" "),
  parse: (value) =>
    splitWords(value).words.reduce((mask, word) => {
      const bit = SECURE_BITS.indexOf(word);
      return bit < 0 ? mask : mask | (1 << bit);
    }, 0),
};

/** Absolute directories between colons. */
export const searchPath = wordList<string>({
  name: "absolute directories between colons",
  words: COLON_WORDS,
  specifiers: "quoted",
  unclosed: "Failed to extract first word, ignoring: %v",
  stopsAtFault: true,
  read: (word, { key }) => readPath(key, word),
});

// --- the log -----------------------------------------------------------------------------------------------------

const LEVELS = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
const FACILITIES = [
  ..."kern user mail daemon auth syslog lpr news uucp cron authpriv ftp".split(" "),
  ...["12", "13", "14", "15"],
  ...Array.from({ length: 8 }, (_, index) => `local${index}`),
];

/** syslog's number. */
export const logLevel = refusingEmpty(
  grammar(
    LEVELS.join(", "),
    (value) => numbered(LEVELS, 7, value),
    "Failed to parse log level, ignoring: %v",
  ),
);

export const logFacility = refusingEmpty(
  grammar(
    "a syslog facility such as daemon or local0",
    (value) => numbered(FACILITIES, 127, value),
    "Failed to parse log facility, ignoring: %v",
  ),
);

/** `FIELD=value …`; a field of the journal's own, which begins with `_`, is none of a unit's. */
export const logFields = wordList<string>({
  name: "assignments such as FIELD=value",
  words: ESCAPED_WORDS,
  specifiers: "bare",
  read: (field) => {
    if (!field.includes("=")) return new Complaint(`Log field lacks '=' character, ignoring: ${field}`);
    if (/^[A-Z][A-Z0-9_]{0,63}=/.test(field)) return field;
    return new Complaint(`Log field name is invalid, ignoring: ${field}`);
  },
});

export const logNamespace = expanded(
  grammar(
    "a name for a journal",
    (value) => (/^[\w:.@-]{1,200}$/.test(value) && !/^\.{1,2}$/.test(value) ? value : undefined),
    "Specified log namespace name is not valid, ignoring: %v",
  ),
  "bare",
);

// --- directories and credentials -----------------------------------------------------------------------------------

export interface DirectoryName {
  readonly name: string;
  /** A symbolic link to it, below the same root. */
  readonly link?: string;
}

/** `web`, `web/cache`, `web:link`: paths below the root of their kind. */
export const directoryNames = wordList<DirectoryName>({
  name: "relative paths",
  words: TUPLE_WORDS,
  unclosed: "Invalid syntax %k=%v, ignoring: Invalid argument",
  read: readDirectoryName,
});

function readDirectoryName(tuple: string, context: ValueContext): DirectoryName | Complaint {
  const { words, unknownEscape } = splitWords(tuple, TUPLE_PARTS);
  const [from = "", to = ""] = words;
  if (unknownEscape) return new Complaint(`Invalid syntax in ${context.key}=, ignoring: ${tuple}`);
  const name = readRelative(from, context);
  if (name instanceof Complaint) return name;
  if (/^private(\/|$)/.test(name)) {
    return new Complaint(`${context.key}= path can't be 'private', ignoring assignment: ${tuple}`);
  }
  if (to === "") return { name };
  if (context.key === "ConfigurationDirectory") {
    return new Complaint(`Destination parameter is not supported for ${context.key}, ignoring: ${tuple}`);
  }
  const link = readRelative(to, context);
  return link instanceof Complaint ? link : { name, link };
}

function readRelative(text: string, { key, specifiers }: ValueContext): string | Complaint {
  const path = expandSpecifiers(text, specifiers);
  if (path === undefined) return unresolved(text, "doublyQuoted");
  if (path === "") return new Complaint(`${key}= path has invalid length (0 bytes), ignoring.`);
  if (path.startsWith("/")) return new Complaint(`${key}= path is absolute, ignoring: ${path}`);
  const simple = simplifyRelative(path);
  if (simple === "" || /(^|\/)\.\.?(\/|$)/.test(simple)) {
    return new Complaint(`${key}= path is not normalized, ignoring: ${path}`);
  }
  return simple;
}

/** Without doubled slashes, `.` parts and a slash at the end. */
function simplifyRelative(path: string): string {
  if (!/^\.|\/[./]|\/$/.test(path)) return path;
  return path
    .replace(/^(\.\/+)+/, "")
    .replaceAll(/\/(\.?\/)+/g, "/")
    .replace(/\/\.?$/, "");
}

/** The part before the first colon, unescaped, and what stands behind it; undefined without a colon. */
function splitAtColon(value: string): { readonly first: string; readonly rest: string | undefined } {
  const word = takeWord(value, 0, COLON_WORDS);
  if (word.kind !== "word") return { first: "", rest: undefined };
  return { first: word.text, rest: word.next > value.length ? undefined : value.slice(word.next) };
}

function readCredentialName(text: string, { specifiers }: ValueContext): string | Complaint {
  const name = expandSpecifiers(text, specifiers);
  if (name === undefined) return unresolved(text, "doublyQuoted");
  return isCredentialName(name) ? name : new Complaint(`Credential name "${name}" not valid, ignoring.`);
}

/** `ID:PATH`, or `ID` alone for one of the machine's. */
export const loadedCredential: Grammar<LoadedCredential> = {
  name: "ID:PATH",
  parse: (value, context) => {
    const { first, rest = "" } = splitAtColon(value);
    const name = readCredentialName(first, context);
    if (name instanceof Complaint || rest === "")
      return name instanceof Complaint ? name : { name, path: name };
    const path = expandSpecifiers(rest, context.specifiers);
    if (path === undefined) return unresolved(rest, "doublyQuoted");
    const isGood = path.startsWith("/")
      ? !path.split("/").some((part) => /^\.{1,2}$/.test(part))
      : isCredentialName(path);
    return isGood ? { name, path } : new Complaint(`Credential source "${path}" not valid, ignoring.`);
  },
};

interface LiteralCredential {
  readonly name: string;
  readonly value: string;
}

/** `ID:VALUE`; escapes in the value count as in C. */
export const literalCredential = credential(
  "ID:VALUE",
  (text) => unescapeText(text) ?? new Complaint(`Can't unescape "${text}", ignoring: Invalid argument`),
);

/** `ID:VALUE`, the value being what systemd-creds(1) has made. */
export const encryptedCredential = credential("ID:BASE64", (text) =>
  parseBase64(text) === undefined
    ? new Complaint("Encrypted credential data not valid Base64 data, ignoring.")
    : text,
);

function credential(name: string, read: (text: string) => string | Complaint): Grammar<LiteralCredential> {
  return {
    name,
    parse: (text, context) => {
      const { first, rest = "" } = splitAtColon(text);
      if (rest === "") return new Complaint(`Invalid syntax, ignoring: ${text}`);
      const id = readCredentialName(first, context);
      if (id instanceof Complaint) return id;
      const value = read(rest);
      return value instanceof Complaint ? value : { name: id, value };
    },
  };
}

/** Credentials are files, so that their names are file names. */
function isCredentialName(name: string): boolean {
  return /^[\x20-\x7e]{1,255}$/.test(name) && !/[/:]/.test(name) && name !== "." && name !== "..";
}
