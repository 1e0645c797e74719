import { describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys, ranges } from "#model/keys.ts";
import { LIMITS } from "#model/limits.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { chunk, ifExists, ifModRevision, putJson } from "#store/ops.ts";
import type { Store } from "#store/store.ts";
import { stillElected } from "./election.ts";
import { EventTrimmer } from "./event-trimmer.ts";

async function storeWithEvents(count: number): Promise<Store> {
  const store = createMemoryStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await store.put({ key: toBytes(keys.engine()), value: toBytes("me") });
  const puts = Array.from({ length: count }, (_, index) => putJson(keys.event(index, "x"), index));
  for (const success of chunk(puts, 100)) await store.txn({ compare: [], success, failure: [] });
  return store;
}

async function eventsIn(store: Store): Promise<readonly number[]> {
  const { kvs } = await store.range(prefixRange(ranges.events));
  return kvs.map(({ value }) => Number(toText(value)));
}

const guard = ifExists(keys.engine());

describe("EventTrimmer", () => {
  test("deletes the oldest beyond the limit, in one write", async () => {
    const store = await storeWithEvents(LIMITS.events + 30);
    const { revision } = (await store.range({ key: toBytes("x") })).header;
    await new EventTrimmer(store).trim(guard);
    const left = await eventsIn(store);
    expect(left).toHaveLength(LIMITS.events);
    expect([left[0], left.at(-1)]).toEqual([30, LIMITS.events + 29]);
    expect((await store.range({ key: toBytes("x") })).header.revision).toBe(revision + 1n);
  });

  test("writes nothing while there are no more than the limit", async () => {
    const store = await storeWithEvents(LIMITS.events);
    const { revision } = (await store.range({ key: toBytes("x") })).header;
    await new EventTrimmer(store).trim(guard);
    expect((await store.range({ key: toBytes("x") })).header.revision).toBe(revision);
  });

  test("looks when the engine is new, and then only after many writes", async () => {
    const store = await storeWithEvents(LIMITS.events);
    const trimmer = new EventTrimmer(store);
    await trimmer.trim(guard);
    await store.txn({
      compare: [],
      success: [putJson(keys.event(LIMITS.events, "x"), LIMITS.events)],
      failure: [],
    });
    trimmer.wrote(199);
    await trimmer.trim(guard);
    expect(await eventsIn(store)).toHaveLength(LIMITS.events + 1);
    trimmer.wrote(1);
    await trimmer.trim(guard);
    expect(await eventsIn(store)).toHaveLength(LIMITS.events);
  });

  test("deletes nothing for an engine that is deposed", async () => {
    const store = await storeWithEvents(LIMITS.events + 1);
    await new EventTrimmer(store).trim(stillElected({ revision: 999_999n }));
    expect(await eventsIn(store)).toHaveLength(LIMITS.events + 1);
  });

  test("leaves everything else alone", async () => {
    const store = await storeWithEvents(LIMITS.events + 1);
    await store.txn({ compare: [], success: [putJson(keys.cluster(), 1)], failure: [] });
    const before = await store.range({ key: toBytes(keys.cluster()) });
    await new EventTrimmer(store).trim(guard);
    const modRevision = before.kvs[0]?.modRevision ?? 0n;
    const unchanged = { compare: [ifModRevision(keys.cluster(), modRevision)], success: [], failure: [] };
    expect((await store.txn(unchanged)).succeeded).toBe(true);
  });
});
