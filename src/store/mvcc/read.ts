/** Reading a range as etcd does (etcdserver/apply.go, Range): read, filter, sort, limit, strip. */
import type { Bytes, KeyValue, RangeRequest, RangeResponse, SortTarget } from "../store.ts";
import { keyRange } from "./key-range.ts";
import type { MvccState } from "./state.ts";

const NOTHING: Bytes = new Uint8Array(0);

/** @throws StoreError when the revision asked for is not there. */
export function readRange(state: MvccState, request: RangeRequest): RangeResponse {
  const asked = request.revision ?? 0n;
  if (asked > 0n) state.checkRevision(asked);
  const header = { revision: state.readRevision };
  const found = [...state.range(keyRange(request), asked > 0n ? asked : state.readRevision)];
  const count = found.length;
  if (request.countOnly) return { header, kvs: [], more: false, count };
  const limit = request.limit !== undefined && request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  const selected = select(found, request, limit);
  const kvs = selected.slice(0, limit);
  return {
    header,
    kvs: request.keysOnly ? kvs.map((kv) => ({ ...kv, value: NOTHING })) : kvs,
    more: selected.length > limit,
    count,
  };
}

/** Filters and sorts; may leave one more than `limit`, which tells that there are more. */
function select(found: KeyValue[], request: RangeRequest, limit: number): KeyValue[] {
  const order = request.sortOrder ?? "none";
  const target = request.sortTarget ?? "key";
  const filtered = found.filter((kv) => passesFilters(kv, request));
  // Etcd limits before it sorts, unless the order was asked for by name or a filter is set.
  const limitsFirst = order === "none" && !hasFilters(request);
  const candidates = limitsFirst ? filtered.slice(0, limit + 1) : filtered;
  if (order === "none" && target === "key") return candidates;
  const sign = order === "descend" ? -1 : 1;
  return candidates.sort((a, b) => sign * compareBy(target, a, b));
}

function hasFilters(request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision].some(
    (bound) => (bound ?? 0n) !== 0n,
  );
}

function passesFilters(kv: KeyValue, request: RangeRequest): boolean {
  return (
    isWithin(kv.modRevision, request.minModRevision, request.maxModRevision) &&
    isWithin(kv.createRevision, request.minCreateRevision, request.maxCreateRevision)
  );
}

function isWithin(value: bigint, min: bigint | undefined, max: bigint | undefined): boolean {
  return (
    !(min !== undefined && min !== 0n && value < min) && !(max !== undefined && max !== 0n && value > max)
  );
}

function compareBy(target: SortTarget, a: KeyValue, b: KeyValue): number {
  switch (target) {
    case "key":
      return Buffer.compare(a.key, b.key);
    case "value":
      return Buffer.compare(a.value, b.value);
    case "version":
      return compareNumbers(a.version, b.version);
    case "create":
      return compareNumbers(a.createRevision, b.createRevision);
    case "mod":
      return compareNumbers(a.modRevision, b.modRevision);
  }
}

function compareNumbers(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
