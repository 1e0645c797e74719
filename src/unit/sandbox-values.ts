/** Grammars of the sandboxing keys' values: systemd.exec(5), SANDBOXING, CAPABILITIES, SYSTEM CALL FILTERING. */
import { Complaint } from "./diagnostic.ts";
import { type Grammar, grammar, unresolved, type ValueContext } from "./grammar.ts";
import type { AccessPath, BindMount, SystemCallRule, TemporaryFileSystem } from "./sandbox-settings.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { parseBoolean, parsePath } from "./values.ts";
import { splitWords } from "./words.ts";

/** A boolean, or one of some words beside it. */
function booleanOr<const W extends string>(what: string, words: readonly W[]): Grammar<"no" | "yes" | W> {
  const parse = (value: string): "no" | "yes" | W | undefined => {
    const bool = parseBoolean(value);
    if (bool !== undefined) return bool ? "yes" : "no";
    return words.find((word) => word === value);
  };
  return grammar(`yes, no, ${words.join(" or ")}`, parse, `Failed to parse ${what}, ignoring: %v`);
}

export const protectSystem = booleanOr("protect system value", ["full", "strict"]);
export const protectHome = booleanOr("protect home value", ["read-only", "tmpfs"]);
export const directoryPreservation = booleanOr("exec runtime preserve mode value", ["restart"]);

/** Words with specifiers expanded, each taken by `parse`; one that it does not take is warned about and left out. */
function eachWord<T>(
  name: string,
  parse: (word: string, context: ValueContext) => T | Complaint,
): Grammar<readonly T[]> {
  return {
    name,
    parse: (value, context) => {
      // A colon that is escaped must still be seen as one by whoever splits the word.
      const { words, unbalanced } = splitWords(value, value.includes("\\:") ? { escapes: "keep" } : {});
      if (unbalanced) return new Complaint(`Failed to extract first word, ignoring: ${value}`);
      return words.flatMap((word) => {
        const expanded = expandSpecifiers(word, context.specifiers);
        const parsed = expanded === undefined ? unresolved(word, "warning") : parse(expanded, context);
        if (!(parsed instanceof Complaint)) return [parsed];
        context.warn(parsed.message);
        return [];
      });
    },
  };
}

/** `/a -/b +/c`: `-` for one that may be missing, `+` for one below the unit's own root. */
export const accessPaths = eachWord<AccessPath>(
  "absolute paths, each perhaps after - and +",
  (word, { key }) => {
    const [, prefix = "", rest = ""] = /^(-?\+?)(.*)$/s.exec(word) ?? [];
    const path = parsePath(rest);
    if (path === undefined) return new Complaint(`${key}= path is not absolute, ignoring: ${word}`);
    return { path, optional: prefix.startsWith("-"), belowRoot: prefix.endsWith("+") };
  },
);

/** Parts between colons; `\:` is a colon within a part. */
function splitColons(word: string): readonly string[] {
  return word.split(/(?<!\\):/).map((part) => part.replaceAll("\\:", ":"));
}

export function bindMounts(readOnly: boolean): Grammar<readonly BindMount[]> {
  return eachWord("SOURCE, SOURCE:DESTINATION or SOURCE:DESTINATION:norbind", (word, { key }) => {
    const [from = "", to = from.replace(/^-/, ""), options = "rbind"] = splitColons(word);
    const optional = from.startsWith("-");
    const source = parsePath(optional ? from.slice(1) : from);
    const destination = parsePath(to);
    if (source === undefined || destination === undefined) {
      return new Complaint(`${key}= path is not absolute, ignoring: ${word}`);
    }
    if (options !== "" && options !== "rbind" && options !== "norbind") {
      return new Complaint(`Invalid option string, ignoring setting: ${options}`);
    }
    return { source, destination, optional, recursive: options !== "norbind", readOnly };
  });
}

export const temporaryFileSystems = eachWord<TemporaryFileSystem>("PATH or PATH:OPTIONS", (word, { key }) => {
  const [name = "", ...options] = word.split(":");
  const path = parsePath(name);
  if (path === undefined) return new Complaint(`${key}= path is not absolute, ignoring: ${word}`);
  return { path, options: options.join(":") };
});

/** Names, after `~` for all but these. */
export interface NameAssignment {
  readonly inverted: boolean;
  readonly names: readonly string[];
}

/** Names that `isKnown` knows; others are warned about and left out. */
export function nameList(what: string, isKnown: (name: string) => boolean): Grammar<NameAssignment> {
  return {
    name: `names, after ~ for all but these`,
    parse: (value, context) => {
      const inverted = value.startsWith("~");
      const { words, unbalanced } = splitWords(inverted ? value.slice(1) : value);
      if (unbalanced) return new Complaint(`Invalid syntax, ignoring: ${value}`);
      const names = words.filter((name) => {
        if (!isKnown(name)) context.warn(`Failed to parse ${what}, ignoring: ${name}`);
        return isKnown(name);
      });
      return { inverted, names };
    },
  };
}

/** Short names of the kinds of namespaces, as RestrictNamespaces= has them. */
export const NAMESPACE_KINDS = ["cgroup", "ipc", "net", "mnt", "pid", "user", "uts"] as const;

/** yes: none may be made; no: all may; or the kinds that may. */
export const namespaceRestriction: Grammar<boolean | NameAssignment> = {
  name: "yes, no, or kinds of namespaces such as net mnt, after ~ for all but these",
  parse: (value, context) => parseBoolean(value) ?? kinds.parse(value, context),
};
const kinds = nameList("namespace type", (name) => NAMESPACE_KINDS.some((kind) => kind === name));

export const addressFamilies = nameList(
  "address family",
  (name) => name === "none" || /^AF_[A-Z0-9_]+$/.test(name),
);

export interface SystemCallAssignment {
  readonly inverted: boolean;
  readonly rules: readonly SystemCallRule[];
}

/** `@system-service`, `~@mount unlink:EPERM`: calls and groups of them, each perhaps with an error of its own. */
export const systemCalls: Grammar<SystemCallAssignment> = {
  name: "system calls or groups such as @system-service, after ~ for all but these",
  parse: (value, context) => {
    const inverted = value.startsWith("~");
    const { words, unbalanced } = splitWords(inverted ? value.slice(1) : value);
    if (unbalanced) return new Complaint(`Invalid syntax, ignoring: ${value}`);
    const rules = words.flatMap((word) => {
      const [, name, error] = /^(@?[a-z0-9_-]+)(?::(\w+))?$/i.exec(word) ?? [];
      if (name !== undefined) return [{ name, ...(error === undefined ? {} : { error }) }];
      context.warn(`Failed to parse syscall, ignoring: ${word}`);
      return [];
    });
    return { inverted, rules };
  },
};
