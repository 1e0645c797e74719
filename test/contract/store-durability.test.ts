/** What the embedded store promises of its file: nothing acknowledged is lost, and damage is refused, not guessed at. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { type Store, StoreError } from "#store/store.ts";
import { killRounds } from "../store/engine/kill-rounds.ts";

const system = { clock: systemClock, random: systemRandom };
/** `npm run store-kill` does hundreds. */
const KILL_ROUNDS = 6;

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-store-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (at = directory) => openEmbeddedStore({ ...system, directory: at });

async function write(store: Store, key: string, value = ""): Promise<bigint> {
  return (await store.put({ key: toBytes(key), value: toBytes(value) })).header.revision;
}

async function keysOf(store: Store): Promise<string[]> {
  return (await store.range(prefixRange(""))).kvs.map((kv) => toText(kv.key));
}

test(`nothing acknowledged is lost and no revision is used twice over ${KILL_ROUNDS} kills`, async () => {
  const { acknowledged } = await killRounds(directory, KILL_ROUNDS);
  expect(acknowledged).toBeGreaterThan(KILL_ROUNDS);
});

test("a store comes back with its keys, history, compaction and leases", async () => {
  const first = await open();
  const { id } = await first.leaseGrant({ ttlS: 60 });
  await first.put({ key: toBytes("leased"), value: toBytes("x"), lease: id });
  const old = await write(first, "key", "1");
  const compacted = await write(first, "key", "2");
  await write(first, "key", "3");
  await write(first, "gone");
  await first.deleteRange({ key: toBytes("gone") });
  await first.compact(compacted);
  const { revision, identity } = first;
  await first.close();
  const second = await open();
  expect([second.revision, second.identity]).toEqual([revision, identity]);
  expect(await keysOf(second)).toEqual(["key", "leased"]);
  const before = await second.range({ key: toBytes("key"), revision: compacted });
  expect(before.kvs.map((kv) => [toText(kv.value), kv.version])).toEqual([["2", 2n]]);
  await expect(second.range({ key: toBytes("key"), revision: old })).rejects.toThrow("compacted");
  const left = await second.leaseTimeToLive(id, true);
  expect([left.grantedTtlS, left.keys.map((key) => toText(key))]).toEqual([60, ["leased"]]);
  await second.close();
});

test("a restart gives every lease its full time again", async () => {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const first = await openEmbeddedStore({ directory, clock, random });
  const { id } = await first.leaseGrant({ ttlS: 10 });
  clock.skipTo(9_000);
  await first.close();
  const second = await openEmbeddedStore({ directory, clock, random });
  expect((await second.leaseTimeToLive(id, false)).ttlS).toBe(10);
  await second.close();
});

test("history that was compacted is gone from the disk too, and the rest stays", async () => {
  const retention = { periodMs: 300_000, revisionsMax: 100 };
  const store = await openEmbeddedStore({ ...system, directory, retention });
  const writes = Array.from({ length: 1_000 }, (_, count) =>
    write(store, `key${count % 5}`, "x".repeat(200)),
  );
  await Promise.all(writes);
  const { sizeBytes: before } = store.status();
  await store.compact(store.revision);
  await store.defragment();
  const { sizeBytes, sizeInUseBytes } = store.status();
  expect([before > 200_000, sizeBytes < 4_000, sizeInUseBytes]).toEqual([true, true, sizeBytes]);
  await store.close();
  const again = await open();
  expect([(await keysOf(again)).length, again.revision, again.sizeBytes]).toEqual([5, 1_001n, sizeBytes]);
  await again.close();
});

test("a second opener is refused while the first one works on", async () => {
  const store = await open();
  await expect(open()).rejects.toMatchObject({ code: "state-dir-in-use" });
  await write(store, "key");
  expect(await keysOf(store)).toEqual(["key"]);
  await store.close();
});

async function writeUntilRefused(
  store: Store,
): Promise<{ readonly written: number; readonly error: unknown }> {
  for (let written = 0; ; written += 1) {
    try {
      await write(store, `key${written}`, "v".repeat(10_000));
    } catch (error) {
      return { written, error };
    }
  }
}

/** Only root can make a small disk. */
test.runIf(process.getuid?.() === 0)(
  "a full disk fails the write, keeps memory and disk alike, and the store goes on when there is space",
  async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", directory]);
    try {
      const filler = join(directory, "filler");
      const store = await open();
      writeFileSync(filler, Buffer.alloc(1_000_000));
      const { written, error } = await writeUntilRefused(store);
      expect(error instanceof StoreError && [error.status, error.message]).toEqual([
        "resource-exhausted",
        "etcdserver: mvcc: database space exceeded",
      ]);
      expect(error instanceof Error && error.cause).toMatchObject({ code: "disk-full" });
      expect([(await keysOf(store)).length, store.revision]).toEqual([written, BigInt(written + 1)]);
      truncateSync(filler, 0);
      expect(await write(store, "again")).toBe(BigInt(written + 2));
      await store.close();
      const reopened = await open();
      expect((await keysOf(reopened)).length).toBe(written + 1);
      await reopened.close();
    } finally {
      execFileSync("umount", [directory]);
    }
  },
);
