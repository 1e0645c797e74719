/** Grammars of the sandboxing keys' values: systemd.exec(5), SANDBOXING, CAPABILITIES, SYSTEM CALL FILTERING. */
import { parseInteger } from "#base/number.ts";
import { CharSet } from "./char-set.ts";
import { Complaint } from "./diagnostic.ts";
import { type Grammar, grammar, refusingEmpty, unresolved, type ValueContext } from "./grammar.ts";
import { isAddressFamily, isArchitecture, isErrorName } from "./kernel-names.ts";
import type { AccessPath, BindMount, SystemCallRule, TemporaryFileSystem } from "./sandbox-settings.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { isSystemCall, isSystemCallGroup } from "./system-calls.ts";
import { parseBoolean, readPath } from "./values.ts";
import { wordList } from "./word-list.ts";
import { PLAIN_WORDS, QUOTED_WORDS, splitWords, takeWord, type WordOptions } from "./words.ts";

/** A boolean, or one of some words beside it. */
function booleanOr<const W extends string>(what: string, words: readonly W[]): Grammar<"no" | "yes" | W> {
  const parse = (value: string): "no" | "yes" | W | undefined => {
    const bool = parseBoolean(value);
    if (bool !== undefined) return bool ? "yes" : "no";
    return words.find((word) => word === value);
  };
  return refusingEmpty(
    grammar(`yes, no, ${words.join(" or ")}`, parse, `Failed to parse ${what}, ignoring: %v`),
  );
}

export const protectSystem = booleanOr("protect system value", ["full", "strict"]);
export const protectHome = booleanOr("protect home value", ["read-only", "tmpfs"]);
export const directoryPreservation = booleanOr("runtime directory preserve mode", ["restart"]);

/** `/a -/b +/c`: `-` for one that may be missing, `+` for one below the unit's own root. */
export const accessPaths = wordList<AccessPath>({
  name: "absolute paths, each perhaps after - and +",
  unclosed: "Failed to extract first word, ignoring: %v",
  read: (word, { key, specifiers }) => {
    const [, optional = "", belowRoot = "", rest = ""] = /^(-?)(\+?)(.*)$/s.exec(word) ?? [];
    const expanded = expandSpecifiers(rest, specifiers);
    if (expanded === undefined) return unresolved(rest, "unignored");
    const path = readPath(key, expanded);
    return path instanceof Complaint
      ? path
      : { path, optional: optional !== "", belowRoot: belowRoot !== "" };
  },
});

/** Parts of bind mounts, where colons and blanks alike end one. */
const BIND_PARTS: WordOptions = { escapes: "plain", separators: new CharSet(": \t\n\r"), splitAtEach: true };

/** `/source`, `/source:/destination`, `/source:/destination:norbind`. */
export function bindMounts(readOnly: boolean): Grammar<readonly BindMount[]> {
  return {
    name: "SOURCE, SOURCE:DESTINATION or SOURCE:DESTINATION:norbind",
    parse: (value, context) => {
      const reader = new BindReader(value, context);
      const mounts: BindMount[] = [];
      for (;;) {
        const taken = reader.take();
        if (taken === undefined) break;
        if (taken instanceof Complaint) context.warn(taken.message, taken.part);
        else mounts.push({ ...taken, readOnly });
      }
      if (reader.isBroken) context.warn(`Failed to parse ${context.key}, ignoring: ${value}`);
      return mounts;
    },
  };
}

/** Takes one bind mount after the other off a value. */
class BindReader {
  isBroken = false;
  readonly #text: string;
  readonly #context: ValueContext;
  #at = 0;

  constructor(text: string, context: ValueContext) {
    this.#text = text;
    this.#context = context;
  }

  take(): Omit<BindMount, "readOnly"> | Complaint | undefined {
    const from = this.#word(BIND_PARTS);
    if (from === undefined) return undefined;
    const source = this.#source(from);
    if (source instanceof Complaint) return source;
    if (!this.#isBehindColon()) return { ...source, destination: source.source, recursive: true };
    const to = this.#word(BIND_PARTS);
    if (to === undefined) return this.isBroken ? undefined : this.#missing(source.source);
    const destination = this.#destination(to);
    if (destination instanceof Complaint) return destination;
    const options = this.#isBehindColon() ? (this.#word(QUOTED_WORDS) ?? "") : "";
    if (options !== "" && options !== "rbind" && options !== "norbind")
      return new Complaint(`Invalid option string, ignoring setting: ${options}`);
    return { ...source, destination, recursive: options !== "norbind" };
  }

  #missing(source: string): Complaint {
    return new Complaint(`Missing argument after ':', ignoring: ${source}`);
  }

  #source(word: string): { readonly source: string; readonly optional: boolean } | Complaint {
    const expanded = expandSpecifiers(word, this.#context.specifiers);
    if (expanded === undefined) return unresolved(word, "doublyQuoted");
    const optional = expanded.startsWith("-");
    const source = readPath(this.#context.key, optional ? expanded.slice(1) : expanded);
    return source instanceof Complaint ? source : { source, optional };
  }

  #destination(word: string): string | Complaint {
    const expanded = expandSpecifiers(word, this.#context.specifiers);
    if (expanded !== undefined) return readPath(this.#context.key, expanded);
    return new Complaint(`Failed to resolve specifiers in "${word}", ignoring: Invalid slot`);
  }

  #word(options: WordOptions): string | undefined {
    const word = takeWord(this.#text, this.#at, options);
    if (word.kind === "unbalanced") this.isBroken = true;
    if (word.kind !== "word") return undefined;
    // Behind the last word of options there is no further mount, not even an empty one.
    this.#at = options === QUOTED_WORDS && word.next >= this.#text.length ? word.next + 1 : word.next;
    return word.text;
  }

  #isBehindColon(): boolean {
    return this.#at <= this.#text.length && this.#text[this.#at - 1] === ":";
  }
}

/** `/a`, `/b:size=10M,mode=0700`. */
export const temporaryFileSystems = wordList<TemporaryFileSystem>({
  name: "PATH or PATH:OPTIONS",
  unclosed: "Failed to extract first word, ignoring: %v",
  read: (word, { key, specifiers }) => {
    const [, name = "", options = ""] = /^([^:]*)(?::(.*))?$/s.exec(word) ?? [];
    const expanded = expandSpecifiers(name, specifiers);
    if (expanded === undefined) return unresolved(name, "bare");
    const path = readPath(key, expanded);
    return path instanceof Complaint ? path : { path, options };
  },
});

/** Names, after `~` for all but these. */
export interface NameAssignment {
  readonly inverted: boolean;
  readonly names: readonly string[];
}

/** Short names of the kinds of namespaces, as RestrictNamespaces= has them. */
export const NAMESPACE_KINDS = ["cgroup", "ipc", "net", "mnt", "pid", "user", "uts"] as const;

/** yes: none may be made; no: all may; or the kinds that may. */
export const namespaceRestriction: Grammar<boolean | NameAssignment> = {
  name: "yes, no, or kinds of namespaces such as net mnt, after ~ for all but these",
  parse: (value) => {
    const inverted = value.startsWith("~");
    const rest = inverted ? value.slice(1) : value;
    const names = rest.split(/\s+/).filter((name) => name !== "");
    const areKinds = names.every((name) => NAMESPACE_KINDS.some((kind) => kind === name));
    if (areKinds || parseBoolean(value) !== undefined) return parseBoolean(value) ?? { inverted, names };
    return new Complaint(`Failed to parse namespace type string, ignoring: ${rest}`);
  },
};

/** A list that `~` turns into its contrary. */
function invertible<T>(
  list: Grammar<readonly T[]>,
): Grammar<{ readonly inverted: boolean; readonly items: readonly T[] }> {
  return {
    name: `${list.name}, after ~ for all but these`,
    parse: (value, context) => {
      const inverted = value.startsWith("~");
      const items = list.parse(inverted ? value.slice(1) : value, context);
      return items instanceof Complaint ? items : { inverted, items };
    },
  };
}

function namesOf(list: Grammar<readonly string[]>): Grammar<NameAssignment> {
  const inner = invertible(list);
  return {
    name: inner.name,
    parse: (value, context) => {
      const read = inner.parse(value, context);
      return read instanceof Complaint ? read : { inverted: read.inverted, names: read.items };
    },
  };
}

const families = namesOf(
  wordList({
    name: "address families such as AF_UNIX AF_INET",
    read: (name) =>
      isAddressFamily(name) ? name : new Complaint(`Failed to parse address family, ignoring: ${name}`),
  }),
);

/** `none` alone forbids them all. */
export const addressFamilies: Grammar<NameAssignment> = {
  name: `none, or ${families.name}`,
  parse: (value, context) =>
    value === "none" ? { inverted: false, names: ["none"] } : families.parse(value, context),
};

export const fileSystems = namesOf(
  wordList({
    name: "file systems or groups of them such as ext4 @basic-api",
    unclosed: "Trailing garbage in %k, ignoring: %v",
    read: (name) =>
      !name.startsWith("@") || FILE_SYSTEM_GROUPS.includes(name)
        ? name
        : new Complaint(`bpf-lsm: Unknown filesystem group, ignoring: ${name}`),
  }),
);

const FILE_SYSTEM_GROUPS = [
  ...["@basic-api", "@anonymous", "@application", "@auxiliary-api", "@common-block", "@historical-block"],
  ...["@network", "@privileged-api", "@security", "@temporary", "@known"],
];

export interface SystemCallAssignment {
  readonly inverted: boolean;
  readonly rules: readonly SystemCallRule[];
}

/** `@system-service`, `~@mount unlink:EPERM`: calls and groups of them, each perhaps with an error of its own. */
export const systemCalls: Grammar<SystemCallAssignment> = {
  name: "system calls or groups such as @system-service, after ~ for all but these",
  parse: (value, context) => {
    const inverted = value.startsWith("~");
    const { words, unbalanced } = splitWords(inverted ? value.slice(1) : value, PLAIN_WORDS);
    const rules: SystemCallRule[] = [];
    for (const word of words) {
      const rule = readSystemCall(word, inverted);
      if (rule instanceof Complaint) context.warn(rule.message, word);
      else rules.push(rule);
    }
    if (unbalanced) context.warn(`Invalid syntax, ignoring: ${inverted ? value.slice(1) : value}`);
    return { inverted, rules };
  },
};

function readSystemCall(word: string, inverted: boolean): SystemCallRule | Complaint {
  const [, name = "", error] = /^([^:]*)(?::(.*))?$/s.exec(word) ?? [];
  if (name === "" || (error !== undefined && !isError(error)))
    return new Complaint(`Failed to parse syscall:errno, ignoring: ${word}`);
  if (!inverted && error !== undefined)
    return new Complaint(`Allow-listed system calls cannot take error number, ignoring: ${word}`);
  return readCallName(name) ?? { name, ...(error === undefined ? {} : { error }) };
}

function isError(text: string): boolean {
  return text === "kill" || isErrorName(text) || typeof parseInteger(text, 0, MAX_ERRNO) === "number";
}

/** What is wrong with the name of a call or of a group. */
function readCallName(name: string): Complaint | undefined {
  if (name.startsWith("@")) {
    return isSystemCallGroup(name.slice(1))
      ? undefined
      : new Complaint(`Unknown system call group, ignoring: ${name}`);
  }
  return isSystemCall(name) ? undefined : new Complaint(`Failed to parse system call, ignoring: ${name}`);
}

/** Calls that are written to the log. */
export const loggedCalls = namesOf(
  wordList({
    name: "system calls or groups such as @system-service",
    words: PLAIN_WORDS,
    read: (name) => readCallName(name) ?? name,
  }),
);

export const callArchitectures = wordList<string>({
  name: "architectures such as native or x86-64",
  read: (name) =>
    isArchitecture(name)
      ? name
      : new Complaint(`Failed to parse system call architecture "${name}", ignoring: Invalid argument`),
});

const MAX_ERRNO = 4095;

/** An error's name or number, or `kill`. */
export const callError: Grammar<string> = {
  name: "an error such as EPERM, or kill",
  parse: (value) => {
    if (value === "kill" || isErrorName(value)) return value;
    const number = parseInteger(value, 0, MAX_ERRNO);
    if (typeof number !== "number") return new Complaint(`Failed to parse error number, ignoring: ${value}`);
    return number > 0 ? String(number) : new Complaint(`Invalid error number, ignoring: ${value}`);
  },
};
