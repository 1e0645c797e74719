/**
 * What locks and elections are made of (etcd, clientv3/concurrency): a key under a name that hangs on a lease, and
 * waiting until all older keys under the name are gone.
 */
import type { Caller } from "../auth/caller.ts";
import { prefixRange, toBytes, toText } from "../keys.ts";
import { ifMissing } from "../ops.ts";
import {
  type Bytes,
  type Header,
  type KeyValue,
  type LeaseId,
  type Revision,
  type Store,
  StoreError,
} from "../store.ts";
import type { Codec } from "../wire/message.ts";
import type { Method } from "./grpc.ts";
import { unary } from "./unary.ts";

/**
 * A method whose refusals have no status but "unknown": etcd's lock and election services hand on what their own client
 * tells them.
 */
export function unaryOfSession<Request, Answer>(
  request: Codec<Request, never>,
  answer: Codec<unknown, Answer>,
  handle: (request: Request, caller: Caller, signal: () => AbortSignal) => Promise<Answer>,
): Method {
  return unary(request, answer, async (asked, caller, signal) => {
    try {
      return await handle(asked, caller, signal);
    } catch (error) {
      throw error instanceof StoreError ? new StoreError("unknown", error.message, error) : error;
    }
  });
}

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
