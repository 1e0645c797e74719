/** One value of a unit file as its grammar reads it, for tests of grammars. */
import { Complaint } from "#unit/diagnostic.ts";
import type { Grammar } from "#unit/grammar.ts";
import { specifierContext } from "#unit/specifiers.ts";

interface ReadValue<T> {
  /** The value, or `severity: complaint`. */
  readonly value: T | string;
  readonly warnings: readonly string[];
}

/** Reads the value as `web@1.service` has it. */
export function readValue<T>(grammar: Grammar<T>, text: string, key = "Key"): ReadValue<T> {
  const warnings: string[] = [];
  const specifiers = specifierContext("web@1.service");
  const value = grammar.parse(text, { key, specifiers, warn: (message) => warnings.push(message) });
  return { value: value instanceof Complaint ? `${value.severity}: ${value.message}` : value, warnings };
}
