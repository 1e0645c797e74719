/** Reading all keys under a prefix at one revision, in pages, and asking cheaply whether anything is newer. */
import { prefixEnd, toBytes } from "#store/keys.ts";
import type { Bytes, KeyValue, RangeRequest, Revision, Store } from "#store/store.ts";

const PAGE_KEYS = 500;

/** A part of the key space between two keys. */
export interface Span {
  readonly key: Bytes;
  readonly rangeEnd: Bytes;
}

export interface Listing {
  readonly kvs: readonly KeyValue[];
  readonly revision: Revision;
}

/** The spans of a prefix without the prefixes `excluded` from it. */
export function spansOf(prefix: string, excluded: readonly string[]): Span[] {
  const spans: Span[] = [];
  let key = toBytes(prefix);
  for (const hole of [...excluded].sort()) {
    spans.push({ key, rangeEnd: toBytes(hole) });
    key = prefixEnd(toBytes(hole));
  }
  spans.push({ key, rangeEnd: prefixEnd(toBytes(prefix)) });
  return spans;
}

/** Everything in the spans, as of the revision at which the first page was read. */
export async function list(store: Store, spans: readonly Span[], signal: AbortSignal): Promise<Listing> {
  const kvs: KeyValue[] = [];
  let revision: Revision = 0n;
  for (const span of spans) {
    let key: Bytes | undefined = span.key;
    while (key !== undefined) {
      const page = await store.range({ ...span, key, limit: PAGE_KEYS, revision }, { signal });
      if (revision === 0n) revision = page.header.revision;
      kvs.push(...page.kvs);
      key = page.more ? keyAfter(page.kvs.at(-1)) : undefined;
    }
  }
  return { kvs, revision };
}

export interface Census {
  /** Keys in the spans at `revision`. */
  readonly count: number;
  /** True when a key has been written after the revision asked about. */
  readonly hasNewer: boolean;
  readonly revision: Revision;
}

/** Counts the keys of the spans and looks for one written after `known`, without reading any value. */
export async function census(
  store: Store,
  spans: readonly Span[],
  known: Revision,
  signal: AbortSignal,
): Promise<Census> {
  let total: Census = { count: 0, hasNewer: false, revision: 0n };
  for (const span of spans) {
    const request: RangeRequest = { ...span, minModRevision: known + 1n, limit: 1, keysOnly: true };
    const page = await store.range({ ...request, revision: total.revision }, { signal });
    total = {
      count: total.count + page.count,
      hasNewer: total.hasNewer || page.kvs.length > 0,
      revision: total.revision === 0n ? page.header.revision : total.revision,
    };
  }
  return total;
}

function keyAfter(kv: KeyValue | undefined): Bytes | undefined {
  if (kv === undefined) return undefined;
  const next = new Uint8Array(kv.key.length + 1);
  next.set(kv.key);
  return next;
}
