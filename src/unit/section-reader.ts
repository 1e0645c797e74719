/**
 * Reads the keys of one section as typed values, by the key table's grammar and reset rule.
 *
 * As in systemd each assignment stands for itself: one whose value is bad is complained about and then as if it were
 * not there, so that an earlier one counts.
 */
import { Complaint, type Diagnostic } from "./diagnostic.ts";
import type { ValueContext } from "./grammar.ts";
import type { Key, ValueOf } from "./key.ts";
import { keysOf, type SECTIONS, type SectionName } from "./keys.ts";
import type { SpecifierContext } from "./specifiers.ts";
import type { Entry, UnitFile } from "./unit-file.ts";

/** A value and where it stands. */
export interface Located<T> {
  readonly value: T;
  readonly entry: Entry;
}

type KeyName<S extends SectionName> = Extract<keyof (typeof SECTIONS)[S], string>;
type ValueIn<S extends SectionName, K extends KeyName<S>> = ValueOf<(typeof SECTIONS)[S][K]>;

/** Most keys of a section are absent from most files. */
const NONE: readonly never[] = [];

export class SectionReader<S extends SectionName> {
  readonly #file: UnitFile;
  readonly #specifiers: SpecifierContext;
  readonly #values = new Map<string, Located<unknown>[]>();
  readonly #diagnostics: Diagnostic[] = [];

  constructor(file: UnitFile, section: S, specifiers: SpecifierContext) {
    this.#file = file;
    this.#specifiers = specifiers;
    const keys = keysOf(section);
    for (const entry of file.entriesIn(section)) {
      const key = keys.get(entry.key);
      if (key !== undefined) this.#take(key, entry);
    }
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /** The value that counts, or undefined when the key is absent, emptied or bad. */
  last<K extends KeyName<S>>(key: K): ValueIn<S, K> | undefined {
    return this.located(key).at(-1)?.value;
  }

  /** Values of all assignments that count, in order. */
  all<K extends KeyName<S>>(key: K): readonly ValueIn<S, K>[] {
    const located = this.located(key);
    return located.length === 0 ? NONE : located.map(({ value }) => value);
  }

  located<K extends KeyName<S>>(key: K): readonly Located<ValueIn<S, K>>[] {
    // Each value was parsed by the grammar of the row that the type is taken from.
    return (this.#values.get(key) ?? NONE) as readonly Located<ValueIn<S, K>>[];
  }

  #complain(entry: Entry, { severity, message, part }: Complaint, hint?: string): void {
    const place = this.#file.placeOfValue(entry, part);
    const diagnostic: Diagnostic = { severity, code: "bad-value", message, place };
    this.#diagnostics.push(hint === undefined ? diagnostic : { ...diagnostic, hint });
  }

  #take(key: Key<unknown>, entry: Entry): void {
    const kept = this.#values.get(entry.key);
    if (kept === undefined) this.#values.set(entry.key, this.#read(key, entry));
    else if (key.merge === "first" && kept.length > 0) this.#readAgain(entry);
    else if (entry.value !== "" || key.value.takesEmpty) kept.push(...this.#read(key, entry));
    else if (key.merge !== "additive") kept.length = 0;
  }

  #readAgain(entry: Entry): void {
    this.#complain(entry, new Complaint(`Multiple units to trigger specified, ignoring: ${entry.value}`));
  }

  /** The value of an assignment, or nothing where it is bad or resets the key. */
  #read(key: Key<unknown>, entry: Entry): Located<unknown>[] {
    if (entry.value === "" && !key.value.takesEmpty) return [];
    const context: ValueContext = {
      key: entry.key,
      specifiers: this.#specifiers,
      warn: (message, part) => this.#complain(entry, new Complaint(message, "warning", part)),
    };
    const value = key.value.parse(entry.value, context);
    if (!(value instanceof Complaint)) return [{ value, entry }];
    this.#complain(entry, value, `write ${key.value.name}`);
    return [];
  }
}
