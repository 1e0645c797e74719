/** The cluster's events: the latest ones, and those to come, resumable without a gap. */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import { ranges } from "#model/keys.ts";
import { LIMITS } from "#model/limits.ts";
import { type ClusterEvent, clusterEventSchema } from "#model/records.ts";
import { prefixRange, toText } from "#store/keys.ts";
import type { KeyValue, Store } from "#store/store.ts";
import type { EventBody } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { readAhead, type ServerEvent } from "./stream.ts";

/** Which events are asked for; absent: all. */
export interface EventFilter {
  readonly unit?: string | undefined;
  readonly machine?: string | undefined;
}

/** The newest `limit` events that pass the filter, oldest first. */
export async function latestEvents(
  { store, mirror }: ApiDependencies,
  filter: EventFilter,
  limit: number,
): Promise<EventBody[]> {
  const { kvs } = await store.range({
    ...prefixRange(ranges.events),
    sortOrder: "ascend",
    sortTarget: "mod",
  });
  const events = kvs.flatMap((kv) => readEvent(kv, mirror.view)).filter((event) => passes(event, filter));
  return limit === 0 ? [] : events.slice(-limit);
}

/**
 * Events after the revision `after` (absent: from now on) until the signal is aborted.
 *
 * An event's ID is the revision of the store it was written at. What was missed is listed by that revision, so that
 * resuming works after a compaction too; several events of one revision carry the ID on the last one only.
 */
export async function* followEvents(
  { store, mirror }: ApiDependencies,
  filter: EventFilter,
  after: bigint | undefined,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent, void> {
  const { kvs, revision } = await listSince(store, after, signal);
  yield* toServerEvents(kvs, mirror.view, filter);
  const watch = store.watch(
    { ...prefixRange(ranges.events), startRevision: revision + 1n, filters: ["no-delete"] },
    { signal },
  );
  for await (const response of readAhead(watch, LIMITS.watchBacklogEvents)) {
    if (response.kind !== "events") continue;
    yield* toServerEvents(
      response.events.map((event) => event.kv),
      mirror.view,
      filter,
    );
  }
}

async function listSince(
  store: Store,
  after: bigint | undefined,
  signal: AbortSignal,
): Promise<{ kvs: readonly KeyValue[]; revision: bigint }> {
  const request =
    after === undefined
      ? { ...prefixRange(ranges.events), countOnly: true }
      : {
          ...prefixRange(ranges.events),
          minModRevision: after + 1n,
          sortOrder: "ascend" as const,
          sortTarget: "mod" as const,
        };
  const response = await store.range(request, { signal });
  return { kvs: response.kvs, revision: response.header.revision };
}

function* toServerEvents(
  kvs: readonly KeyValue[],
  view: ClusterView,
  filter: EventFilter,
): Generator<ServerEvent, void> {
  const events = kvs.flatMap((kv) => readEvent(kv, view)).filter((event) => passes(event, filter));
  for (const [index, event] of events.entries()) {
    const lastOfRevision = events[index + 1]?.id !== event.id;
    yield { event: event.kind, data: event, ...(lastOfRevision ? { id: event.id } : {}) };
  }
}

/** An event that cannot be read tells nothing, so it is left out; it hides no other. */
function readEvent(kv: KeyValue, view: ClusterView): EventBody[] {
  const event = parseEvent(toText(kv.value));
  if (event === undefined) return [];
  const named = event.machine === undefined ? {} : { machineName: nameOfMachine(view, event.machine) };
  return [{ ...event, ...named, id: String(kv.modRevision) }];
}

function parseEvent(text: string): ClusterEvent | undefined {
  try {
    return clusterEventSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function passes(event: ClusterEvent, filter: EventFilter): boolean {
  if (filter.unit !== undefined && event.unit !== filter.unit) return false;
  return filter.machine === undefined || event.machine === filter.machine;
}
