/** What only the holder of an embedded store may ask: records, alarms and quota, hashes, snapshots and restoring them. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "#host/system.ts";
import { restoreStore } from "#store/embedded/restore.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { LocalStore, SnapshotItem } from "#store/local-store.ts";
import { told } from "../../contract/store-talk.ts";
import { contentOf, makeFastDirectory, openStore, write } from "./directories.ts";

let directory: string;
let opened: LocalStore[];
beforeEach(() => {
  directory = makeFastDirectory();
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await store.close();
  rmSync(directory, { recursive: true });
});

async function open(options: Parameters<typeof openStore>[1] = {}, at = directory): Promise<LocalStore> {
  const store = await openStore(at, options);
  opened.push(store);
  return store;
}

const set = (bucket: string, name: string, value: string | undefined) => ({
  bucket,
  name,
  value: value === undefined ? undefined : toBytes(value),
});

function recordsOf(store: LocalStore, bucket: string): [string, string][] {
  return [...store.records.list(bucket)].map(([name, value]) => [name, toText(value)]);
}

describe("records", () => {
  test("are durable, apart from the keys, and change no revision", async () => {
    const store = await open();
    await store.records.write(() => [
      set("user", "root", "1"),
      set("user", "ann", "2"),
      set("role", "r", "3"),
    ]);
    await store.records.write(() => [set("user", "ann", undefined), set("user", "bob", "4")]);
    expect([store.revision, await contentOf(store)]).toEqual([1n, []]);
    await store.close();
    const again = await open();
    expect([recordsOf(again, "user"), recordsOf(again, "role"), recordsOf(again, "none")]).toEqual([
      [
        ["root", "1"],
        ["bob", "4"],
      ],
      [["r", "3"]],
      [],
    ]);
  });

  test("are changed in the order of writes, each seeing what those before have left", async () => {
    const store = await open();
    const increment = (): Promise<void> =>
      store.records.write((now) => {
        const before = now.list("counter").get("n");
        return [set("counter", "n", String(Number(before === undefined ? 0 : toText(before)) + 1))];
      });
    await Promise.all(Array.from({ length: 50 }, increment));
    expect(recordsOf(store, "counter")).toEqual([["n", "50"]]);
  });

  test("that are refused by whoever decides change nothing", async () => {
    const store = await open();
    const refused = store.records.write(() => {
      throw new Error("no such user");
    });
    await expect(refused).rejects.toThrow("no such user");
    expect(recordsOf(store, "user")).toEqual([]);
  });

  test("stay through files that are begun and packed", async () => {
    const store = await open({ fileBytes: 1_000 });
    await store.records.write(() => [set("user", "root", "1")]);
    for (let count = 0; count < 50; count += 1) await write(store, `k${count % 3}`, "v".repeat(100));
    await store.compact(store.revision);
    await store.defragment();
    await store.close();
    expect(recordsOf(await open(), "user")).toEqual([["root", "1"]]);
  });
});

describe("a quota", () => {
  const full = { status: "resource-exhausted", message: "etcdserver: mvcc: database space exceeded" };

  test("that is reached raises the alarm: what adds is refused, deletes and compaction go on, until it is cleared", async () => {
    const store = await open({ quotaBytes: 20_000, fileBytes: 4_000 });
    const { id } = await store.leaseGrant({ ttlS: 600 });
    const fill = async (): Promise<never> => {
      for (let count = 0; ; count += 1) await write(store, `k${count}`, "v".repeat(1_000));
    };
    await expect(fill()).rejects.toMatchObject(full);
    await store.records.write(() => []);
    expect(store.alarms()).toEqual(["nospace"]);
    const put = { kind: "put" as const, request: { key: toBytes("x"), value: toBytes("") } };
    await expect(write(store, "small")).rejects.toMatchObject(full);
    await expect(store.txn({ compare: [], success: [put], failure: [] })).rejects.toMatchObject(full);
    await expect(store.leaseGrant({ ttlS: 600 })).rejects.toMatchObject(full);
    expect(await store.leaseKeepAlive(id)).toBe(600);
    expect((await store.range({ key: toBytes("k0") })).count).toBe(1);
    const erase = { kind: "delete-range" as const, request: { key: toBytes("k0") } };
    expect((await store.txn({ compare: [], success: [erase], failure: [] })).succeeded).toBe(true);
    await store.deleteRange(prefixRange("k"));
    await store.compact(store.revision);
    await store.defragment();
    // Space alone does not clear it, not even after a restart.
    await store.close();
    const again = await open({ quotaBytes: 20_000, fileBytes: 4_000 });
    await expect(write(again, "small")).rejects.toMatchObject(full);
    await again.setAlarm("nospace", false);
    expect([again.alarms(), again.sizeBytes < 5_000]).toEqual([[], true]);
    expect(await write(again, "small")).toBeGreaterThan(1n);
  });

  test("of none takes everything", async () => {
    const store = await open({ quotaBytes: 0 });
    await write(store, "k", "v".repeat(1_000_000));
    expect([store.alarms(), store.status().quotaBytes]).toEqual([[], 0]);
  });
});

test("equal histories have equal hashes, whatever became of their files; one byte makes another", async () => {
  const other = makeFastDirectory();
  const [a, b] = [await open({ fileBytes: 1_000 }), await open({}, other)];
  for (const store of [a, b]) {
    for (let count = 0; count < 40; count += 1) await write(store, `k${count % 4}`, `${count}`);
    await store.compact(20n);
  }
  await a.defragment();
  expect(await a.hash()).toEqual(await b.hash());
  expect(await a.hash(30n)).toEqual(await b.hash(30n));
  expect((await a.hash(30n)).hash).not.toBe((await a.hash()).hash);
  await expect(a.hash(19n)).rejects.toThrow("compacted");
  await expect(a.hash(99n)).rejects.toThrow("future");
  await write(a, "k0", "x");
  await write(b, "k0", "y");
  expect((await a.hash()).hash).not.toBe((await b.hash()).hash);
  rmSync(other, { recursive: true });
});

describe("a snapshot", () => {
  async function restore(snapshot: AsyncIterable<readonly SnapshotItem[]>): Promise<LocalStore> {
    const target = join(directory, "restored");
    await restoreStore({ directory: target, snapshot, clock: systemClock, random: systemRandom });
    return open({}, target);
  }

  async function* inPieces(...items: readonly SnapshotItem[]): AsyncGenerator<readonly SnapshotItem[]> {
    for (const item of items) yield [item];
  }

  test("makes the same store again: keys, revisions, leases, records and identity, without the past", async () => {
    const store = await open();
    const { id } = await store.leaseGrant({ ttlS: 600 });
    await store.put({ key: toBytes("leased"), value: toBytes("x"), lease: id });
    for (let count = 0; count < 1_000; count += 1)
      void store.put({ key: toBytes(`k${count % 300}`), value: toBytes(`${count}`) });
    await store.deleteRange({ key: toBytes("k7") });
    await store.records.write(() => [set("user", "root", "1")]);
    const restored = await restore(store.snapshot());
    const all = prefixRange("");
    expect((await restored.range(all)).kvs.map(told)).toEqual((await store.range(all)).kvs.map(told));
    expect([restored.revision, restored.identity]).toEqual([store.revision, store.identity]);
    const left = await restored.leaseTimeToLive(id, true);
    expect([left.grantedTtlS, left.keys.map(toText)]).toEqual([600, ["leased"]]);
    expect(recordsOf(restored, "user")).toEqual([["root", "1"]]);
    const past = restored.range({ ...all, revision: restored.revision - 1n });
    await expect(past).rejects.toThrow("compacted");
    expect(await write(restored, "new")).toBe(store.revision + 1n);
  });

  test("is of one moment, whatever is written, deleted and compacted while it is read", async () => {
    const store = await open();
    await Promise.all(Array.from({ length: 2_000 }, (_, at) => write(store, `k${at}`, "1")));
    const found: string[] = [];
    for await (const piece of store.snapshot()) {
      for (const item of piece)
        if (item.kind === "key") found.push(`${toText(item.kv.key)}=${toText(item.kv.value)}`);
      await store.deleteRange(prefixRange("k1"));
      await write(store, "k2", "2");
      await store.compact(store.revision);
    }
    expect(found.sort()).toEqual(Array.from({ length: 2_000 }, (_, at) => `k${at}=1`).sort());
  });

  test("of nothing makes an empty store at its revision", async () => {
    const store = await open();
    await write(store, "k");
    await store.deleteRange({ key: toBytes("k") });
    const restored = await restore(store.snapshot());
    expect([restored.revision, await contentOf(restored)]).toEqual([3n, []]);
  });

  test("that is out of order, has keys of the future or no head makes no store", async () => {
    const identity = { clusterId: 1n, memberId: 2n };
    const head: SnapshotItem = { kind: "head", revision: 5n, identity };
    const key = (modRevision: bigint): SnapshotItem => ({
      kind: "key",
      kv: { key: toBytes("k"), value: toBytes(""), createRevision: 1n, modRevision, version: 1n, lease: 0n },
    });
    for (const items of [[head, key(4n), key(3n)], [head, key(6n)], [key(3n)], []]) {
      await expect(restore(inPieces(...items))).rejects.toMatchObject({ code: "store-corrupt" });
    }
    expect(await contentOf(await restore(inPieces(head, key(3n))))).toEqual(["k="]);
  });

  test("replaces no store that is there", async () => {
    const store = await open();
    const request = { directory, snapshot: store.snapshot(), clock: systemClock, random: systemRandom };
    await expect(restoreStore(request)).rejects.toMatchObject({ code: "conflict", hint: expect.any(String) });
  });
});
