import { describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { systemClock } from "#host/system.ts";
import { toBytes } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { gateStore } from "./gated-store.ts";
import { SwitchableStore } from "./switchable-store.ts";

const means = { clock: systemClock, random: seededRandom(1) };
const put = { key: toBytes("k"), value: toBytes("v") };

describe("a store that is exchanged", () => {
  test("is asked for everything from then on", async () => {
    const [one, other] = [createMemoryStore(means), createMemoryStore(means)];
    const store = new SwitchableStore(one);
    await store.put(put);
    store.switchTo(other);
    expect((await store.range({ key: put.key })).kvs).toEqual([]);
    expect((await one.range({ key: put.key })).kvs).toHaveLength(1);
  });

  test("ends the watches of the one before, also where that one stays open", async () => {
    const store = new SwitchableStore(createMemoryStore(means));
    const { signal } = new AbortController();
    const watch = store.watch({ key: put.key }, { signal })[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ kind: "created" });
    const next = watch.next();
    store.switchTo(createMemoryStore(means));
    await expect(next).rejects.toThrow("the store is another one now");
  });

  test("ends a watch quietly that nobody wants any more", async () => {
    const store = new SwitchableStore(createMemoryStore(means));
    const end = new AbortController();
    const watch = store.watch({ key: put.key }, { signal: end.signal })[Symbol.asyncIterator]();
    await watch.next();
    const next = watch.next();
    end.abort();
    expect((await next).done).toBe(true);
  });
});

describe("a gate that is shut", () => {
  test("keeps writes out as a store without a leader does, and lets reads and keep-alives through", async () => {
    const store = gateStore(createMemoryStore(means));
    const { id } = await store.leaseGrant({ ttlS: 60 });
    await store.shut();
    for (const write of [
      store.put(put),
      store.deleteRange({ key: put.key }),
      store.txn({ compare: [], success: [], failure: [] }),
      store.leaseGrant({ ttlS: 5 }),
      store.leaseRevoke(id),
      store.compact(1n),
    ]) {
      await expect(write).rejects.toMatchObject({ status: "unavailable", message: "etcdserver: no leader" });
    }
    expect(await store.leaseKeepAlive(id)).toBe(60);
    expect((await store.range({ key: put.key })).count).toBe(0);
    store.open();
    expect((await store.put(put)).header.revision).toBe(2n);
  });

  test("is shut only when what was under way is done", async () => {
    const store = gateStore(createMemoryStore(means));
    const writing = store.put(put);
    await store.shut();
    expect((await store.range({ key: put.key })).count).toBe(1);
    await writing;
  });
});
