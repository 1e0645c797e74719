/** All keys that begin with a prefix, a page after the other. */
import type { KvEntry } from "#api/store-bodies.ts";
import type { FlotillaClient } from "#client/client.ts";

export interface KvPages {
  readonly entries: readonly KvEntry[];
  /** Of the first page: a watch behind it sees all that any page may have missed. */
  readonly revision: string;
}

export async function readAllKeys(
  client: FlotillaClient,
  query: { readonly prefix: string; readonly keysOnly?: boolean },
  signal: AbortSignal,
): Promise<KvPages> {
  const { prefix, keysOnly = false } = query;
  const asked = { prefix, keysOnly: keysOnly ? ("true" as const) : ("false" as const) };
  const first = await client.kv(asked, signal);
  const entries = [...first.entries];
  let { more } = first;
  while (more) {
    const page = await client.kv({ ...asked, from: `${entries.at(-1)?.key}\0` }, signal);
    entries.push(...page.entries);
    more = page.more;
  }
  return { entries, revision: first.revision };
}
