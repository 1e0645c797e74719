/** Keys as environment variables. Pure. */
import type { KvEntry } from "#api/store-bodies.ts";
import { FlotillaError } from "#base/errors.ts";

export interface NamingOptions {
  /** What all keys begin with, and no variable does. */
  readonly prefix: string;
  readonly upcase: boolean;
}

/**
 * `db/host` below the prefix becomes `db_host`: what is no letter, digit or `_` is an underscore, and so is put before
 * a digit that comes first.
 *
 * @throws FlotillaError `conflict` when two keys come to one name, `unsupported` for a value that no variable can hold
 */
export function toVariables(
  entries: readonly KvEntry[],
  options: NamingOptions,
): Readonly<Record<string, string>> {
  const keys = new Map<string, string>();
  const variables: Record<string, string> = {};
  for (const { key, value } of entries) {
    const name = variableName(key, options);
    if (name === "") continue;
    const other = keys.get(name);
    if (other !== undefined) {
      throw new FlotillaError("conflict", `the keys ${other} and ${key} both become the variable ${name}`, {
        hint: "rename one of them, or choose a prefix that has only one",
      });
    }
    if (value === undefined || value.includes("\0")) {
      throw new FlotillaError("unsupported", `the value of ${key} can be in no environment variable`, {
        causes: ["it is no text, or has a zero byte in it"],
        hint: "have the program read it with: flotilla kv get",
      });
    }
    keys.set(name, key);
    variables[name] = value;
  }
  return variables;
}

function variableName(key: string, { prefix, upcase }: NamingOptions): string {
  const name = key
    .slice(prefix.length)
    .replace(/^\/+/, "")
    .replaceAll(/[^A-Za-z0-9_]/g, "_")
    .replace(/^(?=\d)/, "_");
  return upcase ? name.toUpperCase() : name;
}

/** Whether a program would see a difference. */
export function sameVariables(
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
