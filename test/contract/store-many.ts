/** What must hold for many keys at once as for a few: an implementation may do long work in pieces, nobody may notice. */
import { expect, test } from "vitest";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { LeaseId, Store } from "#store/store.ts";
import { follow, freshPrefix, summary, texts, write } from "./store-talk.ts";

const KEYS = 1_500;

/** Writes them in an order that is neither that of keys nor of values. */
async function writeMany(store: Store, prefix: string, lease: LeaseId = 0n): Promise<void> {
  const puts = Array.from({ length: KEYS }, (_, at) => {
    const place = (at * 811) % KEYS;
    const key = toBytes(`${prefix}${String(place).padStart(4, "0")}`);
    return store.put({ key, value: toBytes(String((place * 7) % 10)), lease });
  });
  await Promise.all(puts);
}

const allKeys = (prefix: string): string[] =>
  Array.from({ length: KEYS }, (_, at) => `${prefix}${String(at).padStart(4, "0")}`);

export function describeMany(of: () => Store): void {
  test("a large range comes whole and in order, sorted by any target in either order", async () => {
    const prefix = freshPrefix();
    await writeMany(of(), prefix);
    const range = prefixRange(prefix);
    const { kvs, count } = await of().range(range);
    expect([kvs.map((kv) => toText(kv.key)), count]).toEqual([allKeys(prefix), KEYS]);
    const byMod = await of().range({ ...range, sortTarget: "mod", sortOrder: "descend" });
    const newestFirst = kvs.toSorted((a, b) => (a.modRevision > b.modRevision ? -1 : 1));
    expect(texts(byMod.kvs)).toEqual(texts(newestFirst));
    const byValue = await of().range({ ...range, sortTarget: "value", sortOrder: "ascend", limit: 300 });
    const values = kvs.map((kv) => toText(kv.value)).sort();
    expect(byValue.kvs.map((kv) => toText(kv.value))).toEqual(values.slice(0, 300));
    expect([byValue.more, byValue.count]).toEqual([true, KEYS]);
  });

  test("deleting a large range is one revision, seen by readers and watchers all at once", async () => {
    const prefix = freshPrefix();
    await writeMany(of(), prefix);
    const watch = follow(of(), { ...prefixRange(prefix), prevKv: true });
    await watch.next();
    const deleting = of().deleteRange({ ...prefixRange(prefix), prevKv: true });
    const counts: number[] = [];
    let isDone = false;
    void deleting.then(() => {
      isDone = true;
    });
    while (!isDone) counts.push((await of().range({ ...prefixRange(prefix), countOnly: true })).count);
    const { deleted, prevKvs, header } = await deleting;
    expect([deleted, prevKvs.length]).toEqual([KEYS, KEYS]);
    expect(counts.filter((count) => count !== KEYS && count !== 0)).toEqual([]);
    const response = await watch.next();
    const events = response.kind === "events" ? response.events : [];
    expect([events.length, events.every(({ kv }) => kv.modRevision === header.revision)]).toEqual([
      KEYS,
      true,
    ]);
    expect(events.every(({ prevKv }) => prevKv !== undefined)).toBe(true);
    await watch.end();
  });

  test("the end of a lease with many keys is one revision, its keys in order", async () => {
    const prefix = freshPrefix();
    const { id } = await of().leaseGrant({ ttlS: 600 });
    await writeMany(of(), prefix, id);
    const before = await write(of(), `${prefix}z`, "stays");
    const watch = follow(of(), { ...prefixRange(prefix), startRevision: before + 1n });
    await watch.next();
    const { revision } = await of().leaseRevoke(id);
    expect(revision).toBe(before + 1n);
    const events = await watch.events(KEYS);
    expect(summary(events)).toEqual(allKeys(prefix).map((key) => `delete ${key}=`));
    expect(texts((await of().range(prefixRange(prefix))).kvs)).toEqual([`${prefix}z=stays`]);
    await watch.end();
  });
}
