/** How the contract's tests talk to a store: short forms of requests, and answers as texts that are easy to compare. */
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import {
  type KeyValue,
  type RequestOp,
  type Revision,
  type Store,
  StoreError,
  type StoreEvent,
  type WatchRequest,
  type WatchResponse,
} from "#store/store.ts";

let nextPrefix = 0;

/** A prefix no other test uses, so that tests can share one store. */
export function freshPrefix(): string {
  nextPrefix += 1;
  return `test-${nextPrefix}/`;
}

export const put = (key: string, value = ""): RequestOp => ({
  kind: "put",
  request: { key: toBytes(key), value: toBytes(value) },
});
export const get = (key: string): RequestOp => ({ kind: "range", request: { key: toBytes(key) } });
export const del = (prefix: string): RequestOp => ({ kind: "delete-range", request: prefixRange(prefix) });

export function texts(kvs: readonly KeyValue[]): string[] {
  return kvs.map((kv) => `${toText(kv.key)}=${toText(kv.value)}`);
}

/** All that a key's answer says, as an object of its own with the bytes as text. */
export function told({ key, value, createRevision, modRevision, version, lease }: KeyValue) {
  return { key: toText(key), value: toText(value), createRevision, modRevision, version, lease };
}

export async function refusalOf(promise: Promise<unknown>): Promise<[string, string]> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StoreError)) throw new Error(`not refused but ${String(error)}`);
  return [error.status, error.message];
}

/** Opens a watch and collects what it yields. */
export function follow(store: Store, request: WatchRequest) {
  const stop = new AbortController();
  const watch = store.watch(request, { signal: stop.signal })[Symbol.asyncIterator]();
  const next = async (): Promise<WatchResponse> => {
    const step = await watch.next();
    if (step.done === true) throw new Error("the watch ended");
    return step.value;
  };
  const events = async (count: number): Promise<StoreEvent[]> => {
    const seen: StoreEvent[] = [];
    while (seen.length < count) {
      const response = await next();
      if (response.kind === "events") seen.push(...response.events);
    }
    return seen;
  };
  const end = async (): Promise<void> => {
    stop.abort();
    while (!(await watch.next()).done);
  };
  return { next, events, end };
}

export function summary(events: readonly StoreEvent[]): string[] {
  return events.map(({ type, kv, prevKv }) => {
    const before = prevKv === undefined ? "" : ` was ${toText(prevKv.value)}`;
    return `${type} ${toText(kv.key)}=${toText(kv.value)}${before}`;
  });
}

export async function write(store: Store, key: string, value = ""): Promise<Revision> {
  return (await store.put({ key: toBytes(key), value: toBytes(value) })).header.revision;
}
