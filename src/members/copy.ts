/**
 * Copies what is in one store to another: keys with their values, and leases with their IDs and the keys on them.
 *
 * The source works on for most of it. Only what changed in the last moments is copied while it is frozen, and then
 * both are compared. Revisions of the target are its own. Leases begin anew with their full time, and are kept alive
 * until their owners can do it themselves.
 */
import { createHash } from "node:crypto";
import { type Clock, sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { prefixRange } from "#store/keys.ts";
import { chunk } from "#store/ops.ts";
import {
  type KeyValue,
  type LeaseId,
  type RequestOp,
  type Revision,
  type Store,
  StoreError,
} from "#store/store.ts";

const PAGE_KEYS = 500;
/** Etcd takes 128 operations and 1.5 MiB in one transaction; a value alone may be as large as the second half of that. */
const OPS_MAX = 120;
const BYTES_MAX = 512 * 1024;
/** So few changes are copied in a moment, and the source may be frozen for it. */
const FEW_CHANGES = 500;
const ROUNDS_MAX = 8;
const KEEP_ALIVE_MS = 1_000;

export interface Copying {
  readonly source: Store;
  readonly target: Store;
  /** All keys that begin so; empty: all there are. */
  readonly prefix: string;
  readonly clock: Clock;
  /** Lets the source take no more changes. Resolves when those under way are done. */
  readonly freeze: () => Promise<void>;
}

export interface Copied {
  readonly keys: number;
  readonly leases: number;
  /** Stops keeping the target's leases alive. */
  readonly release: () => void;
}

/** @throws FlotillaError `internal` when the two differ in the end; StoreError when either does not answer. */
export async function copyStore(copying: Copying): Promise<Copied> {
  const { source, target, prefix, freeze } = copying;
  let known: Revision = 0n;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const { count, revision } = await copyChanges(copying, known);
    known = revision;
    if (count <= FEW_CHANGES) break;
  }
  await freeze();
  await copyChanges(copying, known);
  const held = new AbortController();
  try {
    const leases = await copyLeases(copying, held.signal);
    await deleteSuperfluous(copying);
    const [there, here] = await Promise.all([digestOf(source, prefix), digestOf(target, prefix)]);
    if (there.hash !== here.hash) throw differ(there.keys, here.keys);
    return { keys: here.keys, leases, release: () => held.abort() };
  } catch (error) {
    held.abort();
    throw error;
  }
}

/** Keys without a lease that changed behind a revision. Those with one would vanish while nobody keeps it alive. */
async function copyChanges(
  { source, target, prefix }: Copying,
  known: Revision,
): Promise<{ readonly count: number; readonly revision: Revision }> {
  let count = 0;
  let first: Revision | undefined;
  for await (const page of pagesOf(source, prefix, { minModRevision: known + 1n })) {
    first ??= page.revision;
    count += page.kvs.length;
    await putAll(
      target,
      page.kvs.filter(({ lease }) => lease === 0n),
    );
  }
  return { count, revision: first ?? known };
}

async function copyLeases({ source, target, prefix, clock }: Copying, signal: AbortSignal): Promise<number> {
  const ids = await source.leaseList();
  const granted: LeaseId[] = [];
  void keepAlive(target, granted, clock, signal);
  for (const id of ids) {
    const { grantedTtlS, ttlS } = await source.leaseTimeToLive(id, false);
    if (ttlS < 0) continue;
    await grant(target, id, grantedTtlS);
    granted.push(id);
  }
  for await (const { kvs } of pagesOf(source, prefix, {}))
    await putAll(
      target,
      kvs.filter(({ lease }) => lease !== 0n),
    );
  return granted.length;
}

/** A copy that was cut short has left the lease there. */
async function grant(target: Store, id: LeaseId, ttlS: number): Promise<void> {
  try {
    await target.leaseGrant({ id, ttlS });
  } catch (error) {
    if (!(error instanceof StoreError) || !error.message.includes("lease already exists")) throw error;
    await target.leaseRevoke(id);
    await target.leaseGrant({ id, ttlS });
  }
}

async function keepAlive(
  target: Store,
  leases: readonly LeaseId[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(clock, KEEP_ALIVE_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    await Promise.allSettled(leases.map((id) => target.leaseKeepAlive(id)));
  }
}

async function putAll(target: Store, kvs: readonly KeyValue[]): Promise<void> {
  let ops: RequestOp[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (ops.length > 0) await target.txn({ compare: [], success: ops, failure: [] });
    ops = [];
    bytes = 0;
  };
  for (const { key, value, lease } of kvs) {
    if (ops.length === OPS_MAX || bytes + value.length > BYTES_MAX) await flush();
    ops.push({ kind: "put", request: { key, value, lease } });
    bytes += key.length + value.length;
  }
  await flush();
}

/** What was deleted in the source after it was copied. */
async function deleteSuperfluous({ source, target, prefix }: Copying): Promise<void> {
  const there = new Set<string>();
  for await (const { kvs } of pagesOf(source, prefix, { keysOnly: true }))
    for (const { key } of kvs) there.add(textOf(key));
  const superfluous: Uint8Array[] = [];
  for await (const { kvs } of pagesOf(target, prefix, { keysOnly: true }))
    for (const { key } of kvs) if (!there.has(textOf(key))) superfluous.push(key);
  for (const part of chunk(superfluous, OPS_MAX)) {
    const success = part.map((key): RequestOp => ({ kind: "delete-range", request: { key } }));
    await target.txn({ compare: [], success, failure: [] });
  }
}

/** Latin-1 keeps each byte as one character. */
function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

interface Digest {
  readonly keys: number;
  /** Over keys, values and leases, in the order of keys. */
  readonly hash: string;
}

async function digestOf(store: Store, prefix: string): Promise<Digest> {
  const hash = createHash("sha256");
  let keys = 0;
  for await (const { kvs } of pagesOf(store, prefix, {})) {
    keys += kvs.length;
    for (const { key, value, lease } of kvs)
      hash.update(`${key.length} ${value.length} ${lease} `).update(key).update(value);
  }
  return { keys, hash: hash.digest("hex") };
}

interface Page {
  readonly kvs: readonly KeyValue[];
  readonly revision: Revision;
}

/** All keys as of the revision of the first page. */
async function* pagesOf(
  store: Store,
  prefix: string,
  options: { readonly minModRevision?: Revision; readonly keysOnly?: boolean },
): AsyncGenerator<Page, void> {
  const range = prefixRange(prefix);
  let from: Uint8Array | undefined = range.key;
  let revision: Revision = 0n;
  while (from !== undefined) {
    const page = await store.range({ ...range, ...options, key: from, limit: PAGE_KEYS, revision });
    if (revision === 0n) revision = page.header.revision;
    yield { kvs: page.kvs, revision };
    from = page.more ? after(page.kvs.at(-1)?.key) : undefined;
  }
}

function after(key: Uint8Array | undefined): Uint8Array | undefined {
  if (key === undefined) return undefined;
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

function differ(there: number, here: number): FlotillaError {
  return new FlotillaError("internal", "the copy of the store is not what was copied", {
    causes: [`there are ${there} keys in the one and ${here} in the other, or their values differ`],
    hint: "does somebody else write to the target? Nothing was changed here",
  });
}
