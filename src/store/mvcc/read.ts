/** Reading a range as etcd does (etcdserver/apply.go, Range): read, filter, sort, limit, strip. */
import type { KeyValue, RangeRequest, RangeResponse, SortTarget } from "../store.ts";
import { keyRange } from "./key-range.ts";
import type { VersionRecord } from "./record.ts";
import { sorted } from "./sort.ts";
import type { MvccState } from "./state.ts";
import { STEP_ENTRIES, type Steps } from "./steps.ts";
import { StoredKey, StoredKeyValue } from "./stored-key-value.ts";

/**
 * @param now the revision that is current for whoever asks.
 * @throws StoreError when the revision asked for is not there.
 */
export function* readRange(state: MvccState, request: RangeRequest, now: number): Steps<RangeResponse> {
  const asked = Number(request.revision ?? 0n);
  if (asked > 0) state.checkRevision(asked, now);
  const header = { revision: BigInt(now) };
  const unpin = state.pin(asked > 0 ? asked : now);
  try {
    const { found, count } = yield* find(state, request, asked > 0 ? asked : now);
    if (request.countOnly) return { header, kvs: [], more: false, count };
    const limit = limitOf(request);
    const kvs = yield* toKeyValues(
      found.length > limit ? found.slice(0, limit) : found,
      request.keysOnly ?? false,
    );
    return { header, kvs, more: found.length > limit, count };
  } finally {
    unpin();
  }
}

function limitOf(request: RangeRequest): number {
  return request.limit !== undefined && request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
}

/** The versions asked for, one more than the limit where there are more, and how many keys the range has. */
function* find(
  state: MvccState,
  request: RangeRequest,
  revision: number,
): Steps<{ readonly found: readonly VersionRecord[]; readonly count: number }> {
  const { sortOrder: order = "none", sortTarget: target = "key" } = request;
  const filters = filtersOf(request);
  // Etcd limits before it sorts, unless the order was asked for by name or a filter is set.
  const limitsFirst = order === "none" && filters.length === 0;
  const keep = request.countOnly ? 0 : limitsFirst ? limitOf(request) + 1 : Number.POSITIVE_INFINITY;
  const found: VersionRecord[] = [];
  let count = 0;
  for (const versions of state.range(keyRange(request), revision)) {
    count += versions.length;
    for (const version of versions) {
      if (found.length >= keep) break;
      if (filters.every((passes) => passes(version))) found.push(version);
    }
    // One key, which is what is asked for most, is read in one step.
    if (versions.length > 1) yield;
  }
  if (order === "none" && target === "key") return { found, count };
  return { found: yield* sorted(found, comparison(target, order === "descend" ? -1 : 1)), count };
}

export function* toKeyValues(versions: readonly VersionRecord[], keysOnly: boolean): Steps<KeyValue[]> {
  const kvs: KeyValue[] = [];
  for (const version of versions) {
    kvs.push(keysOnly ? new StoredKey(version) : new StoredKeyValue(version));
    if (kvs.length % STEP_ENTRIES === 0) yield;
  }
  return kvs;
}

/** The bounds on revisions that the request sets. */
function filtersOf(request: RangeRequest): ((version: VersionRecord) => boolean)[] {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  const bounds: [bigint | undefined, (version: VersionRecord, bound: number) => boolean][] = [
    [minModRevision, (version, bound) => version.modRevision >= bound],
    [maxModRevision, (version, bound) => version.modRevision <= bound],
    [minCreateRevision, (version, bound) => version.createRevision >= bound],
    [maxCreateRevision, (version, bound) => version.createRevision <= bound],
  ];
  return bounds.flatMap(([bound, holds]) =>
    bound === undefined || bound === 0n ? [] : [(version: VersionRecord) => holds(version, Number(bound))],
  );
}

function comparison(target: SortTarget, sign: 1 | -1): (a: VersionRecord, b: VersionRecord) => number {
  switch (target) {
    case "key":
      return (a, b) => sign * Buffer.compare(a.keyBytes, b.keyBytes);
    case "value":
      return (a, b) => sign * Buffer.compare(a.value, b.value);
    case "version":
      return (a, b) => sign * (a.version - b.version);
    case "create":
      return (a, b) => sign * (a.createRevision - b.createRevision);
    case "mod":
      return (a, b) => sign * (a.modRevision - b.modRevision);
  }
}
