/**
 * The users' own keys: configuration of their services, read, written and followed through the API.
 *
 * Invariants: nobody reaches a key outside `kv/` by it; a change that is bound to a revision is made at that revision
 * or not at all; values are any bytes and come back as they were given.
 */
import { FlotillaError } from "#base/errors.ts";
import { keys, ranges } from "#model/keys.ts";
import { LIMITS } from "#model/limits.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { ifModRevision } from "#store/ops.ts";
import {
  CompactedError,
  type KeyValue,
  type RangeRequest,
  type Store,
  type WatchRequest,
} from "#store/store.ts";
import type {
  KvChange,
  KvDelete,
  KvDeleteResult,
  KvEntry,
  KvList,
  KvPut,
  KvPutResult,
  KvQuery,
  KvWatchQuery,
} from "./store-bodies.ts";
import { readAhead, type ServerEvent } from "./stream.ts";

/** The key asked for, or a page of those that begin with a prefix. @throws FlotillaError `not-found` for a key that is not there. */
export async function readKv(query: KvQuery, store: Store, signal: AbortSignal): Promise<KvList> {
  const keysOnly = query.keysOnly === "true";
  const { kvs, header, more } = await store.range({ ...pageOf(query), keysOnly }, { signal });
  if (query.key !== undefined && kvs.length === 0) throw noSuchKey(query.key);
  return { revision: String(header.revision), entries: kvs.map((kv) => toEntry(kv, keysOnly)), more };
}

function pageOf(query: KvQuery): RangeRequest {
  const range = rangeOf(query);
  if (query.key !== undefined) return range;
  const limit = Math.min(query.limit ?? LIMITS.kvKeysPerPage, LIMITS.kvKeysPerPage);
  const from = query.from === undefined ? {} : { key: toBytes(keys.kv(query.from)) };
  return { ...range, ...from, limit };
}

/** @throws FlotillaError `conflict` when the key is not at the revision given; nothing is changed then. */
export async function putKv(put: KvPut, store: Store): Promise<KvPutResult> {
  const key = keys.kv(checkKey(put.key));
  const value = readValue(put);
  if (value.length > LIMITS.kvValueBytes) {
    throw new FlotillaError(
      "limit-exceeded",
      `the value of ${put.key} has ${value.length} bytes; ${LIMITS.kvValueBytes} are possible`,
      { hint: "keep large things elsewhere, and their address here" },
    );
  }
  const { succeeded, header, responses } = await store.txn({
    compare: guards(key, put.ifRevision),
    success: [{ kind: "put", request: { key: toBytes(key), value } }],
    failure: [{ kind: "range", request: { key: toBytes(key), keysOnly: true } }],
  });
  if (!succeeded) throw wasChanged(put.key, put.ifRevision, responses[0]);
  return { revision: String(header.revision) };
}

/** @throws FlotillaError as for {@link putKv}. */
export async function deleteKv(request: KvDelete, store: Store): Promise<KvDeleteResult> {
  const range = rangeOf(request);
  if (request.ifRevision !== undefined && request.key === undefined) {
    throw new FlotillaError(
      "bad-request",
      "a revision belongs to one key, not to all that begin with a prefix",
    );
  }
  const { succeeded, header, responses } = await store.txn({
    compare: request.key === undefined ? [] : guards(keys.kv(request.key), request.ifRevision),
    success: [{ kind: "delete-range", request: range }],
    failure: [{ kind: "range", request: { ...range, keysOnly: true } }],
  });
  const [answer] = responses;
  if (!succeeded) throw wasChanged(request.key ?? "", request.ifRevision, answer);
  const deleted = answer?.kind === "delete-range" ? answer.response.deleted : 0;
  return { revision: String(header.revision), deleted };
}

/**
 * Changes behind the revision `after` (absent: from now on) until the signal is aborted. The ID of an event is its
 * revision; several changes of one revision carry it on the last one only, so that resuming behind it misses nothing.
 */
export async function* watchKv(
  query: KvWatchQuery,
  store: Store,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent, void> {
  const start = query.after === undefined ? {} : { startRevision: BigInt(query.after) + 1n };
  const request: WatchRequest = { ...rangeOf(query), ...start };
  try {
    for await (const response of readAhead(store.watch(request, { signal }), LIMITS.watchBacklogEvents)) {
      if (response.kind === "created") {
        yield { event: "watching", data: { revision: String(response.header.revision) } };
      }
      if (response.kind !== "events") continue;
      for (const [index, { type, kv }] of response.events.entries()) {
        const id = String(kv.modRevision);
        const next = response.events[index + 1]?.kv.modRevision;
        const data = { type, key: nameOf(kv), ...(type === "put" ? toValue(kv.value) : {}), revision: id };
        yield { event: type, data: data satisfies KvChange, ...(next === kv.modRevision ? {} : { id }) };
      }
    }
  } catch (error) {
    throw error instanceof CompactedError ? historyGone(query.after, error) : error;
  }
}

/** @throws FlotillaError `bad-request` where it is neither one key nor a prefix. */
function rangeOf({
  key,
  prefix,
}: {
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
}): {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
} {
  if (key !== undefined && prefix === undefined) return { key: toBytes(keys.kv(checkKey(key))) };
  if (prefix !== undefined && key === undefined) return prefixRange(keys.kv(prefix));
  throw new FlotillaError("bad-request", "give either a key or a prefix");
}

function checkKey(key: string): string {
  if (key === "" || key.startsWith("/")) {
    throw new FlotillaError("bad-request", `"${key}" is not a key`, {
      hint: "keys are written as app/port, without a slash before them",
    });
  }
  const bytes = toBytes(key).length;
  if (bytes <= LIMITS.kvKeyBytes) return key;
  throw new FlotillaError("limit-exceeded", `the key has ${bytes} bytes; ${LIMITS.kvKeyBytes} are possible`);
}

/** @throws FlotillaError `bad-request` */
function readValue({ value, base64 }: KvPut): Uint8Array {
  if (value !== undefined && base64 === undefined) return toBytes(value);
  if (base64 !== undefined && value === undefined && /^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    return Buffer.from(base64, "base64");
  throw new FlotillaError("bad-request", "a value is either text in `value` or bytes in `base64`");
}

function guards(key: string, ifRevision: string | undefined): ReturnType<typeof ifModRevision>[] {
  return ifRevision === undefined ? [] : [ifModRevision(key, BigInt(ifRevision))];
}

function toEntry(kv: KeyValue, keysOnly: boolean): KvEntry {
  return {
    key: nameOf(kv),
    ...(keysOnly ? {} : { ...toValue(kv.value), bytes: kv.value.length }),
    revision: String(kv.modRevision),
    createRevision: String(kv.createRevision),
    version: Number(kv.version),
  };
}

function nameOf({ key }: KeyValue): string {
  return toText(key).slice(ranges.kv.length);
}

function toValue(value: Uint8Array): { readonly value: string } | { readonly base64: string } {
  const bytes = Buffer.from(value);
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? { value: text } : { base64: bytes.toString("base64") };
}

function noSuchKey(key: string): FlotillaError {
  return new FlotillaError("not-found", `there is no key ${key}`, {
    hint: "flotilla kv list shows those there are",
  });
}

type Answered = Awaited<ReturnType<Store["txn"]>>["responses"][number] | undefined;

function wasChanged(key: string, asked: string | undefined, found: Answered): FlotillaError {
  const kv = found?.kind === "range" ? found.response.kvs[0] : undefined;
  const now = kv === undefined ? "it is not there" : `it is at revision ${kv.modRevision}`;
  return new FlotillaError("conflict", `${key} was not changed: it is not at revision ${asked}`, {
    causes: [now],
    hint: "read it again, and decide on what it is now",
  });
}

function historyGone(after: string | undefined, error: CompactedError): FlotillaError {
  return new FlotillaError("conflict", `what happened behind revision ${after} is no longer kept`, {
    causes: [`the store has forgotten what is older than revision ${error.compactRevision}`],
    hint: "read the keys again, and watch behind the revision that they were read at",
    cause: error,
  });
}
