/**
 * Reading all keys under a prefix at one revision, in pages; asking cheaply whether anything is newer; and comparing
 * what is there with what is known.
 */
import { prefixEnd, toBytes, toText } from "#store/keys.ts";
import {
  type Bytes,
  type KeyValue,
  type RangeRequest,
  type Revision,
  type Store,
  StoreError,
} from "#store/store.ts";

const PAGE_KEYS = 500;

/** A part of the key space between two keys. */
export interface Span {
  readonly key: Bytes;
  readonly rangeEnd: Bytes;
}

export interface Listing {
  readonly kvs: readonly KeyValue[];
  readonly revision: Revision;
  /** Whose revision that is. */
  readonly clusterId: bigint | undefined;
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

export interface ListOptions {
  readonly signal: AbortSignal;
  /** Absent: the revision at which the first page is read. */
  readonly revision?: Revision;
  readonly keysOnly?: boolean;
}

/** Everything in the spans as of one revision. @throws StoreError, also when another cluster answers half way */
export async function list(
  store: Store,
  spans: readonly Span[],
  { signal, revision: asked = 0n, keysOnly = false }: ListOptions,
): Promise<Listing> {
  const kvs: KeyValue[] = [];
  let revision = asked;
  let clusterId: bigint | undefined;
  for (const span of spans) {
    let key: Bytes | undefined = span.key;
    while (key !== undefined) {
      const page = await store.range({ ...span, key, limit: PAGE_KEYS, revision, keysOnly }, { signal });
      if (revision === 0n) revision = page.header.revision;
      clusterId ??= page.header.clusterId;
      if (page.header.clusterId !== clusterId) throw otherCluster();
      kvs.push(...page.kvs);
      key = page.more ? keyAfter(page.kvs.at(-1)) : undefined;
    }
  }
  return { kvs, revision, clusterId };
}

/** Revisions of one cluster mean nothing to another: whatever was begun has to begin again. */
export function otherCluster(): StoreError {
  return new StoreError("unavailable", "another store answers than before");
}

/** True when the store had, at `revision`, exactly these keys in the spans, each last changed when `known` says. */
export async function isAsKnown(
  store: Store,
  spans: readonly Span[],
  known: ReadonlyMap<string, Revision>,
  at: { readonly revision: Revision; readonly signal: AbortSignal },
): Promise<boolean> {
  const { kvs } = await list(store, spans, { ...at, keysOnly: true });
  return kvs.length === known.size && kvs.every((kv) => known.get(toText(kv.key)) === kv.modRevision);
}

export interface Census {
  /** Keys in the spans at `revision`. */
  readonly count: number;
  /** True when a key has been written after the revision asked about. */
  readonly hasNewer: boolean;
  readonly revision: Revision;
  readonly clusterId: bigint | undefined;
}

/** The store's revision now, and whose it is; read with a single key, which need not be there. */
export async function standing(
  store: Store,
  { key }: Span,
  signal: AbortSignal,
): Promise<Pick<Census, "revision" | "clusterId">> {
  const { header } = await store.range({ key, countOnly: true }, { signal });
  return { revision: header.revision, clusterId: header.clusterId };
}

/** Counts the keys of the spans and looks for one written after `known`, without reading any value. */
export async function census(
  store: Store,
  spans: readonly Span[],
  known: Revision,
  signal: AbortSignal,
): Promise<Census> {
  let total: Census = { count: 0, hasNewer: false, revision: 0n, clusterId: undefined };
  for (const span of spans) {
    const request: RangeRequest = { ...span, minModRevision: known + 1n, limit: 1, keysOnly: true };
    const page = await store.range({ ...request, revision: total.revision }, { signal });
    total = {
      count: total.count + page.count,
      hasNewer: total.hasNewer || page.kvs.length > 0,
      revision: total.revision === 0n ? page.header.revision : total.revision,
      clusterId: page.header.clusterId,
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
