/** Grammars of values that say how a command is run: streams, scheduling, logging, directories, credentials. */
import { parseDuration } from "#base/duration.ts";
import { Complaint } from "./diagnostic.ts";
import type { InputSource, LoadedCredential, OutputTarget } from "./exec-settings.ts";
import { expanded, type Grammar, grammar, unresolved } from "./grammar.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { parsePath } from "./values.ts";
import { splitWords } from "./words.ts";

// --- streams -----------------------------------------------------------------------------------------------------

const JOURNAL_WORDS = ["journal", "syslog", "journal+console", "syslog+console", "tty"];

/** StandardOutput= and StandardError=. A console is the journal's business here. */
export const outputTarget: Grammar<OutputTarget> = expanded(
  grammar(
    "journal, null, inherit, file:PATH, append:PATH or truncate:PATH",
    parseOutput,
    "Failed to parse output specifier, ignoring: %v",
  ),
);

function parseOutput(value: string): OutputTarget | undefined {
  if (value === "null" || value === "inherit" || value === "socket") return { kind: value };
  if (JOURNAL_WORDS.includes(value)) return { kind: "journal" };
  if (value === "kmsg" || value === "kmsg+console") return { kind: "kmsg" };
  const descriptor = descriptorName(value);
  if (descriptor !== undefined) return { kind: "fd", name: descriptor === "" ? "stdout" : descriptor };
  const match = /^(file|append|truncate):(.*)$/.exec(value);
  const path = parsePath(match?.[2] ?? "");
  if (path === undefined) return undefined;
  if (match?.[1] === "append" || match?.[1] === "truncate") return { kind: match[1], path };
  return { kind: "file", path };
}

/** A terminal is not to be had here: such a command reads nothing. */
export const inputSource: Grammar<InputSource> = expanded(
  grammar(
    "null, data, file:PATH, fd:NAME or socket",
    parseInput,
    "Failed to parse input specifier, ignoring: %v",
  ),
);

function parseInput(value: string): InputSource | undefined {
  if (value === "null" || value === "data" || value === "socket") return { kind: value };
  if (value === "tty" || value === "tty-force" || value === "tty-fail") return { kind: "null" };
  const descriptor = descriptorName(value);
  if (descriptor !== undefined) return { kind: "fd", name: descriptor === "" ? "stdin" : descriptor };
  const path = value.startsWith("file:") ? parsePath(value.slice(5)) : undefined;
  return path === undefined ? undefined : { kind: "file", path };
}

/** The name in `fd:NAME`, empty for the stream's own. */
function descriptorName(value: string): string | undefined {
  return value === "fd" ? "" : /^fd:([^:/]+)$/.exec(value)?.[1];
}

/** A line for the standard input; escapes count as in C. */
export const inputText: Grammar<string> = expanded({
  name: "text",
  parse: (value) => `${splitWords(`"${value.replaceAll('"', "\\x22")}"`).words[0] ?? value}\n`,
});

export const inputData = grammar(
  "data in Base64",
  (value) => {
    const text = value.replace(/\s+/g, "");
    return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? decodeBase64(text) : undefined;
  },
  "Failed to decode base64 data, ignoring: %v",
);

function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

// --- scheduling --------------------------------------------------------------------------------------------------

/** `none`, `realtime`, `best-effort`, `idle`, or the kernel's number. */
export const ioClass = grammar(
  "realtime, best-effort or idle",
  (value) => numbered(["none", "realtime", "best-effort", "idle"], value),
  "Failed to parse IO scheduling class, ignoring: %v",
);

const CPU_POLICIES: Readonly<Record<string, number>> = { other: 0, fifo: 1, rr: 2, batch: 3, idle: 5 };

export const cpuPolicy = grammar(
  "other, batch, idle, fifo or rr",
  (value) => (Object.hasOwn(CPU_POLICIES, value) ? CPU_POLICIES[value] : undefined),
  "Failed to parse CPU scheduling policy, ignoring: %v",
);

function numbered(names: readonly string[], value: string): number | undefined {
  const number = names.includes(value) ? names.indexOf(value) : Number(value);
  return /^([a-z-]+|\d+)$/.test(value) && number < names.length ? number : undefined;
}

const MAX_CPUS = 8192;

/** Numbers of processors: `0-3 5`, `1,2`. */
export const cpuSet: Grammar<readonly number[]> = {
  name: "numbers of processors such as 0-3 5",
  parse: (value, context) => {
    if (value === "numa") {
      context.warn("CPUAffinity=numa needs a NUMA policy, ignoring");
      return [];
    }
    const ranges = value
      .split(/[\s,]+/)
      .filter((word) => word !== "")
      .map(parseRange);
    if (ranges.some((range) => range === undefined)) {
      return new Complaint(`Failed to parse CPU affinity '${value}', ignoring: Invalid argument`);
    }
    return [...new Set(ranges.flatMap((range) => range ?? []))].sort((a, b) => a - b);
  },
};

function parseRange(word: string): readonly number[] | undefined {
  const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (!(first <= last && last < MAX_CPUS)) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Nanoseconds; a bare number counts them. */
export const nanoseconds = grammar(
  "a time span such as 50us; a bare number counts nanoseconds",
  (value) => {
    const ms = parseDuration(value, 1e-6);
    return ms === undefined ? undefined : Math.round(ms * 1e6);
  },
  "Failed to parse nsec value, ignoring: %v",
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

export const personality = grammar(
  "an architecture such as x86 or x86-64",
  (value) => (Object.hasOwn(PERSONALITIES, value) ? PERSONALITIES[value] : undefined),
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

/** A mask as prctl(PR_SET_SECUREBITS) takes it. */
export const secureBits: Grammar<number> = {
  name: SECURE_BITS.join(" "),
  parse: (value, { warn }) =>
    splitWords(value).words.reduce((mask, word) => {
      const bit = SECURE_BITS.indexOf(word);
      if (bit < 0) warn(`Failed to parse secure bits, ignoring: ${word}`);
      return bit < 0 ? mask : mask | (1 << bit);
    }, 0),
};

/** Absolute directories between colons. */
export const searchPath: Grammar<readonly string[]> = expanded(
  grammar(
    "absolute directories between colons",
    (value) => {
      const paths = value.split(":").map(parsePath);
      return paths.every((path) => path !== undefined) ? paths : undefined;
    },
    "Failed to parse search path, ignoring: %v",
  ),
);

// --- the log -----------------------------------------------------------------------------------------------------

const LEVELS = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
const FACILITIES = [
  ..."kern user mail daemon auth syslog lpr news uucp cron authpriv ftp".split(" "),
  ...["12", "13", "14", "15"],
  ...Array.from({ length: 8 }, (_, index) => `local${index}`),
];

/** syslog's number. */
export const logLevel = grammar(
  LEVELS.join(", "),
  (value) => numbered(LEVELS, value),
  "Failed to parse log level, ignoring: %v",
);

export const logFacility = grammar(
  "a syslog facility such as daemon or local0",
  (value) =>
    numbered(FACILITIES, value) ?? (FACILITIES.includes(value) ? FACILITIES.indexOf(value) : undefined),
  "Failed to parse log facility, ignoring: %v",
);

/** `FIELD=value …`; a field of the journal's own, which begins with `_`, is none of a unit's. */
export const logFields: Grammar<readonly string[]> = {
  name: "assignments such as FIELD=value",
  parse: (value, { specifiers, warn }) => {
    const { words, unbalanced } = splitWords(value);
    if (unbalanced) return new Complaint(`Invalid syntax, ignoring: ${value}`);
    return words.flatMap((word) => {
      const field = expandSpecifiers(word, specifiers);
      if (field !== undefined && /^[A-Z0-9][A-Z0-9_]{0,63}=/.test(field)) return [field];
      warn(
        field === undefined
          ? unresolved(word, "warning").message
          : `Log field name is invalid, ignoring field: ${field}`,
      );
      return [];
    });
  },
};

// --- directories and credentials -----------------------------------------------------------------------------------

export interface DirectoryName {
  readonly name: string;
  /** A symbolic link to it, below the same root. */
  readonly link?: string;
}

/** `web`, `web/cache`, `web:link`: paths below the root of their kind. */
export const directoryNames: Grammar<readonly DirectoryName[]> = {
  name: "relative paths",
  parse: (value, { key, specifiers, warn }) => {
    const { words, unbalanced } = splitWords(value);
    if (unbalanced) return new Complaint(`Invalid syntax, ignoring: ${value}`);
    return words.flatMap((word) => {
      const parsed = parseDirectoryName(word, key, expandSpecifiers(word, specifiers));
      if (!(parsed instanceof Complaint)) return [parsed];
      warn(parsed.message);
      return [];
    });
  },
};

function parseDirectoryName(word: string, key: string, text: string | undefined): DirectoryName | Complaint {
  if (text === undefined) return unresolved(word, "warning");
  const [name = "", link = ""] = text.split(":");
  for (const path of link === "" ? [name] : [name, link]) {
    if (path.startsWith("/")) return new Complaint(`${key}= path is absolute, ignoring: ${word}`);
    if (path === "" || path.split("/").some((part) => part === "." || part === "..")) {
      return new Complaint(`${key}= path is not normalized, ignoring: ${word}`);
    }
  }
  return link === "" ? { name } : { name, link };
}

/** `ID:PATH`, or `ID` alone for one of the machine's. */
export const loadedCredential: Grammar<LoadedCredential> = expanded(
  grammar(
    "ID:PATH",
    (value) => {
      const [, name = "", path = name] = /^([^:]*)(?::(.*))?$/s.exec(value) ?? [];
      return isCredentialName(name) ? { name, path } : undefined;
    },
    "Credential name is not valid, ignoring: %v",
  ),
);

/** `ID:VALUE`; escapes in the value count as in C. */
export const literalCredential: Grammar<{ readonly name: string; readonly value: string }> = expanded(
  grammar(
    "ID:VALUE",
    (text) => {
      const [, name = "", value = ""] = /^([^:]*):(.*)$/s.exec(text) ?? [];
      if (!isCredentialName(name)) return undefined;
      return { name, value: splitWords(`"${value.replaceAll('"', "\\x22")}"`).words[0] ?? value };
    },
    "Credential name is not valid, ignoring: %v",
  ),
);

/** Credentials are files, so that their names are file names. */
function isCredentialName(name: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(name) && !/[/:]/.test(name) && name !== "." && name !== "..";
}
