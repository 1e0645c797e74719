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

/** `web@2` before `web@10`. By hand, because Intl's collator takes 15 ms to make. */
export function compareNames(a: string, b: string): number {
  const others = b.match(NUMBERS_AND_REST) ?? [];
  for (const [index, part] of (a.match(NUMBERS_AND_REST) ?? []).entries()) {
    const other = others[index];
    if (other === undefined) return 1;
    const byNumber = Number(part) - Number(other);
    if (byNumber !== 0 && !Number.isNaN(byNumber)) return byNumber;
    if (part !== other) return part < other ? -1 : 1;
  }
  return a.length - b.length;
}

const NUMBERS_AND_REST = /\d+|\D+/g;
