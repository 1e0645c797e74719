/** What the list commands share: their options, and how names, hashes and pairs are written. */
import type { CommandContext } from "./command.ts";
import { type Listing, showListing } from "./terminal/output.ts";

const HASH_DIGITS = 7;

export function list<T>({ io, options, format, paint }: CommandContext, listing: Listing<T>): Promise<void> {
  const fields = options.text("fields");
  return showListing(io.stdout, listing, { format, fields, legend: options.flag("legend"), paint });
}

export function shortHash(hash: string, full: boolean): string {
  return full ? hash : hash.slice(0, HASH_DIGITS);
}

export function formatPairs(pairs: Readonly<Record<string, string>>): string {
  return Object.keys(pairs)
    .sort()
    .map((key) => `${key}=${pairs[key]}`)
    .join(",");
}

/** `web@2` before `web@10`. Comparing by code units where no digits differ is what makes a long list quick. */
export function compareNames(a: string, b: string): number {
  return collator.compare(a, b);
}

const collator = new Intl.Collator("en", { numeric: true });
