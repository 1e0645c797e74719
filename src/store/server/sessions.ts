/**
 * What locks and elections are made of (etcd, clientv3/concurrency): a key under a name that hangs on a lease, and
 * waiting until all older keys under the name are gone.
 */
import { prefixRange, toBytes, toText } from "../keys.ts";
import { ifMissing } from "../ops.ts";
import type { Bytes, Header, KeyValue, LeaseId, Revision, Store } from "../store.ts";

/** Of the lease that is granted to whoever brings none. */
const SESSION_TTL_S = 60;

export interface Claim {
  readonly key: string;
  /** When the key was created: who came first goes first. */
  readonly revision: Revision;
  readonly lease: LeaseId;
  readonly header: Header;
  /** The key as it was found, where the lease has claimed the name before. */
  readonly found: KeyValue | undefined;
}

/** Puts the key of a lease under the name, if it is not there yet. @param lease 0: a new one. */
export async function claim(
  store: Store,
  name: string,
  lease: LeaseId,
  value: Bytes,
  signal: AbortSignal,
): Promise<Claim> {
  const id = lease === 0n ? (await store.leaseGrant({ ttlS: SESSION_TTL_S }, { signal })).id : lease;
  const key = `${name}/${id.toString(16)}`;
  const answer = await store.txn(
    {
      compare: [ifMissing(key)],
      success: [{ kind: "put", request: { key: toBytes(key), value, lease: id } }],
      failure: [{ kind: "range", request: { key: toBytes(key) } }],
    },
    { signal },
  );
  const [first] = answer.responses;
  const found = first?.kind === "range" ? first.response.kvs[0] : undefined;
  const revision = found?.createRevision ?? answer.header.revision;
  return { key, revision, lease: id, header: answer.header, found };
}

/** Resolves when no key under the name is older; the header is of the moment that showed it. */
export async function waitForTurn(
  store: Store,
  name: string,
  revision: Revision,
  signal: AbortSignal,
): Promise<Header> {
  for (;;) {
    const answer = await store.range(
      {
        ...prefixRange(`${name}/`),
        maxCreateRevision: revision - 1n,
        sortTarget: "create",
        sortOrder: "descend",
        limit: 1,
      },
      { signal },
    );
    const [older] = answer.kvs;
    if (older === undefined) return answer.header;
    await waitForDeletion(store, older.key, answer.header.revision + 1n, signal);
  }
}

async function waitForDeletion(
  store: Store,
  key: Bytes,
  startRevision: Revision,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  try {
    for await (const response of store.watch({ key, startRevision }, { signal: both })) {
      if (response.kind === "events" && response.events.some(({ type }) => type === "delete")) return;
    }
  } finally {
    ended.abort();
  }
  signal.throwIfAborted();
}

/** The oldest key under a name: whose lock or lead it is. */
export async function oldest(
  store: Store,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly header: Header; readonly kv: KeyValue | undefined }> {
  const { header, kvs } = await store.range(
    { ...prefixRange(`${name}/`), sortTarget: "create", sortOrder: "ascend", limit: 1 },
    { signal },
  );
  return { header, kv: kvs[0] };
}

/** Names are bytes on the wire and texts here; what is no UTF-8 cannot be part of a key's name. */
export function nameOf(bytes: Bytes): string {
  return toText(bytes);
}
