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

/**
 * The same where systemd has no way back to the default: an empty value is one more that cannot be read, and what was
 * assigned before stays.
 */
export function refusingEmpty<T>(inner: Grammar<T>): Grammar<T> {
  return { ...inner, takesEmpty: true };
}

/** One of some words; an empty value is none of them. */
export function oneOf<const W extends string>(what: string, words: readonly W[]): Grammar<W> {
  return refusingEmpty(resettableOneOf(what, words));
}

/** One of some words; an empty value restores the default. */
export function resettableOneOf<const W extends string>(what: string, words: readonly W[]): Grammar<W> {
  const find = (text: string): W | undefined => words.find((word) => word === text);
  return grammar(`one of ${words.join(", ")}`, find, `Failed to parse ${what}, ignoring: %v`);
}

/** systemd's ways to speak of a value with an unknown specifier; those of `fatal…` spoil the unit. */
const UNRESOLVED = {
  quoted: "'%v', ignoring",
  bare: "%v, ignoring",
  doublyQuoted: '"%v", ignoring',
  unignored: "%v",
  fatalQuoted: "'%v'",
  fatalBare: "%v",
} as const;

export type UnresolvedForm = keyof typeof UNRESOLVED;

/** `inner` after specifiers have been expanded; an unknown one spoils the value, or the unit. */
export function expanded<T>(inner: Grammar<T>, form: UnresolvedForm = "quoted"): Grammar<T> {
  const parse = (text: string, context: ValueContext): T | Complaint => {
    const value = expandSpecifiers(text, context.specifiers);
    return value === undefined ? unresolved(text, form) : inner.parse(value, context);
  };
  return inner.takesEmpty ? { name: inner.name, takesEmpty: true, parse } : { name: inner.name, parse };
}

/** systemd's words for an unknown specifier. */
export function unresolved(text: string, form: UnresolvedForm = "quoted"): Complaint {
  const message = `Failed to resolve unit specifiers in ${UNRESOLVED[form].replace("%v", () => text)}: Invalid slot`;
  return new Complaint(message, form.startsWith("fatal") ? "error" : "warning", text);
}
