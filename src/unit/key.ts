/** The form of a row of the key table. */
import type { Grammar } from "./grammar.ts";

/**
 * How several assignments of one key add up. `last`: the last one counts, an empty one restores the default, unless the
 * value's grammar refuses it. `first`: the first good one counts, those behind it are complained about. `list`: they accumulate, an empty one forgets those before. `additive`: they accumulate and an empty one does nothing
 * (dependencies).
 */
export type Merge = "last" | "first" | "list" | "additive";

/** `run`: the embedded supervisor does it. `limit`: it does where cgroups allow. `ignored`: only systemd does. */
export type Treatment = "run" | "limit" | "ignored";

export interface Key<T> {
  readonly value: Grammar<T>;
  readonly merge: Merge;
  readonly embedded: Treatment;
  /** systemd's version that brought the key, where that was after 239. */
  readonly since?: number;
  /** The key of the same section to write instead of this former name. */
  readonly insteadUse?: string;
  /** What is said to whoever uses the key, `%k` being its name; systemd takes most former names in silence. */
  readonly notice?: string;
}

/** A section's keys by name. */
export type Keys = Readonly<Record<string, Key<unknown>>>;

/** What a key's values are read as. */
export type ValueOf<K> = K extends Key<infer T> ? T : never;

type More = Pick<Key<unknown>, "since" | "insteadUse" | "notice">;

export function last<T>(value: Grammar<T>, embedded: Treatment = "ignored", more: More = {}): Key<T> {
  return { value, merge: "last", embedded, ...more };
}

export function first<T>(value: Grammar<T>, embedded: Treatment = "ignored", more: More = {}): Key<T> {
  return { value, merge: "first", embedded, ...more };
}

export function list<T>(value: Grammar<T>, embedded: Treatment = "ignored", more: More = {}): Key<T> {
  return { value, merge: "list", embedded, ...more };
}

export function additive<T>(value: Grammar<T>, embedded: Treatment = "ignored", more: More = {}): Key<T> {
  return { value, merge: "additive", embedded, ...more };
}
