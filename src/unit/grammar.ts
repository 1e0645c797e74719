/** What a key's value may look like: a grammar parses one assignment and complains in systemd's words. */
import { Complaint, type Severity } from "./diagnostic.ts";
import { expandSpecifiers, type SpecifierContext } from "./specifiers.ts";

/** What a grammar may know and say beside its result. */
export interface ValueContext {
  readonly specifiers: SpecifierContext;
  /** Something odd that does not spoil the value. */
  warn(message: string): void;
}

/** A notation of values. `parse` never gets an empty text: that resets the key and is the reader's business. */
export interface Grammar<T> {
  /** What to write, for hints: `a time span such as 1min 30s`. */
  readonly name: string;
  parse(text: string, context: ValueContext): T | Complaint;
}

/** A grammar from a function that yields undefined for what it does not take; `complaint` is followed by the text. */
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
      return value === undefined ? new Complaint(`${complaint}: ${text}`, severity) : value;
    },
  };
}

/** One of some words. */
export function oneOf<const W extends string>(what: string, words: readonly W[]): Grammar<W> {
  const find = (text: string): W | undefined => words.find((word) => word === text);
  return grammar(`one of ${words.join(", ")}`, find, `Failed to parse ${what}, ignoring`);
}

/** `inner` after specifiers have been expanded. */
export function expanded<T>(inner: Grammar<T>): Grammar<T> {
  return {
    name: inner.name,
    parse: (text, context) => {
      const value = expandSpecifiers(text, context.specifiers);
      if (value instanceof Complaint) return new Complaint(`${value.message}, ignoring`);
      return inner.parse(value, context);
    },
  };
}

/** `inner`, but systemd accepts anything in its place; used where the value is a list of `inner` words. */
export function map<T, U>(inner: Grammar<T>, transform: (value: T) => U): Grammar<U> {
  return {
    name: inner.name,
    parse: (text, context) => {
      const value = inner.parse(text, context);
      return value instanceof Complaint ? value : transform(value);
    },
  };
}
