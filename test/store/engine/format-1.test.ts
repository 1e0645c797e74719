/** A store that an earlier version wrote opens as it was; where that breaks off, it is still what it was. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import { contentOf, logFiles, makeFastDirectory, openStore, write } from "./directories.ts";
import { type Format1, IDENTITY, type Row, writeFormat1 } from "./format-1.ts";

let directory: string;
beforeEach(() => {
  directory = makeFastDirectory();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function row(modRevision: bigint, key: string, value: string, rest: Partial<Row> = {}): Row {
  return { modRevision, createRevision: modRevision, version: 1n, lease: 0n, key, value, ...rest };
}

const STORE: Format1 = {
  rows: [
    row(2n, "a", "1"),
    row(3n, "a", "2", { createRevision: 2n, version: 2n }),
    row(4n, "leased", "x", { lease: 77n }),
    row(5n, "gone", "x"),
    row(6n, "gone", "", { createRevision: 0n, version: 0n }),
    row(7n, "b", "1"),
    row(7n, "c", "1"),
  ],
  leases: [[77n, 600]],
  compactRevision: 3n,
};

async function expectStore(store: LocalStore): Promise<void> {
  expect([store.identity, store.revision, store.status().compactRevision]).toEqual([IDENTITY, 7n, 3n]);
  expect(await contentOf(store)).toEqual(["a=2", "b=1", "c=1", "leased=x"]);
  const [a] = (await store.range({ key: toBytes("a") })).kvs;
  expect([a?.createRevision, a?.modRevision, a?.version]).toEqual([2n, 3n, 2n]);
  const past = await store.range({ ...prefixRange(""), revision: 5n });
  expect(past.kvs.map((kv) => toText(kv.key))).toEqual(["a", "gone", "leased"]);
  await expect(store.range({ key: toBytes("a"), revision: 2n })).rejects.toThrow("compacted");
  const lease = await store.leaseTimeToLive(77n, true);
  expect([lease.grantedTtlS, lease.keys.map(toText)]).toEqual([600, ["leased"]]);
}

test("it opens with its keys, past, leases, compaction and identity, and goes on in the new format", async () => {
  const path = writeFormat1(directory, STORE);
  const store = await openStore(directory);
  await expectStore(store);
  expect(await write(store, "new")).toBe(8n);
  await store.close();
  const database = new DatabaseSync(path);
  expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 2 });
  expect(database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get()).toEqual({ tables: 0 });
  database.close();
  const again = await openStore(directory);
  expect([again.revision, (await contentOf(again)).length]).toEqual([8n, 5]);
  await again.close();
});

test("a crash on the way leaves the old store, which is then taken over from its beginning", async () => {
  writeFormat1(directory, STORE);
  mkdirSync(join(directory, "log"));
  writeFileSync(join(directory, "log", "0000000000000001.log"), "half of a log");
  writeFileSync(join(directory, "log", "0000000000000002.log.new"), "half of a file");
  const store = await openStore(directory);
  await expectStore(store);
  await store.close();
  expect(logFiles(directory).length).toBe(1);
});

test("a damaged row is refused, and the file stays as it was", async () => {
  const path = writeFormat1(directory, STORE);
  const database = new DatabaseSync(path);
  database.exec("UPDATE version SET value = CAST('9' AS BLOB) WHERE sequence = 2");
  database.close();
  await expect(openStore(directory)).rejects.toMatchObject({
    code: "store-corrupt",
    causes: ["the checksum of write 2 does not match"],
  });
  const after = new DatabaseSync(path);
  expect(after.prepare("SELECT count(*) AS rows FROM version").get()).toEqual({ rows: 7 });
  expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  after.close();
});

test("an old log without its file is damage, not a new store", async () => {
  const path = writeFormat1(directory, STORE);
  writeFileSync(`${path}-wal`, "");
  rmSync(path);
  await expect(openStore(directory)).rejects.toMatchObject({ code: "store-corrupt" });
  expect(existsSync(join(directory, "log"))).toBe(false);
});

test("a large one is taken over whole, revisions of many keys included", async () => {
  const rows = Array.from({ length: 30_000 }, (_, at) =>
    row(BigInt(2 + Math.floor(at / 3)), `key${at % 7_000}`.padEnd(8), "v".repeat(200), {
      createRevision: BigInt(2 + Math.floor((at % 7_000) / 3)),
      version: BigInt(1 + Math.floor(at / 7_000)),
    }),
  );
  writeFormat1(directory, { rows });
  const store = await openStore(directory);
  expect([store.revision, (await contentOf(store)).length]).toEqual([10_001n, 7_000]);
  expect(logFiles(directory).length).toBeGreaterThan(1);
  await store.compact(store.revision);
  await store.defragment();
  expect((await contentOf(store)).length).toBe(7_000);
  await store.close();
  const again = await openStore(directory);
  expect([again.revision, (await contentOf(again)).length]).toEqual([10_001n, 7_000]);
  await again.close();
});
