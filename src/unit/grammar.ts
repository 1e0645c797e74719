/** What a key's value may look like: a grammar parses one assignment and complains in systemd's words. */
import { Complaint, type Severity } from "./diagnostic.ts";
import { expandSpecifiers, type SpecifierContext } from "./specifiers.ts";

/** What a grammar may know and say beside its result. */
export interface ValueContext {
  /** The key the value is assigned to; systemd names it in some of its complaints. */
  readonly key: string;
  readonly specifiers: SpecifierContext;
  /** Something odd that does not spoil the value; `part` is the word of it that is odd. */
  warn(message: string, part?: string): void;
}

/** A notation of values. `parse` gets no empty text, unless it asks for it: that resets the key and is the reader's business. */
export interface Grammar<T> {
  /** What to write, for hints: `a time span such as 1min 30s`. */
  readonly name: string;
  /** An empty value is a value like others here: CapabilityBoundingSet= alone allows nothing, and does not reset. */
  readonly takesEmpty?: true;
  parse(text: string, context: ValueContext): T | Complaint;
}

/**
 * A grammar from a function that yields undefined for what it does not take. In `complaint`, `%v` stands for the value
 * and `%k` for the key.
 */
export function grammar<T>(
  name: string,
  parse: (text: string, context: ValueContext) => T | Complaint | undefined,
  complaint: string,
  severity: Severity = "warning",
): Grammar<T> {
  return {
    name,
    parse: (text, context) => {
      const value = parse(text, context);
      if (value !== undefined) return value;
      const replacements: Readonly<Record<string, string>> = { "%v": text, "%k": context.key };
      return new Complaint(
        complaint.replaceAll(/%[vk]/g, (found) => replacements[found] ?? found),
        severity,
      );
    },
  };
}

/** One of some words. */
export function oneOf<const W extends string>(what: string, words: readonly W[]): Grammar<W> {
  const find = (text: string): W | undefined => words.find((word) => word === text);
  return grammar(`one of ${words.join(", ")}`, find, `Failed to parse ${what}, ignoring: %v`);
}

/** `inner` after specifiers have been expanded; an unknown one spoils the value, or with `error` the unit. */
export function expanded<T>(inner: Grammar<T>, severity: Severity = "warning"): Grammar<T> {
  return {
    name: inner.name,
    parse: (text, context) => {
      const value = expandSpecifiers(text, context.specifiers);
      return value === undefined ? unresolved(text, severity) : inner.parse(value, context);
    },
  };
}

/** systemd's words for an unknown specifier. */
export function unresolved(text: string, severity: Severity): Complaint {
  const where = severity === "error" ? text : `'${text}', ignoring`;
  return new Complaint(`Failed to resolve unit specifiers in ${where}: Invalid slot`, severity);
}
