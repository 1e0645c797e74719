/**
 * The mirror over the network: whatever happens to the connection, every change is reported once and in order, or,
 * after a compaction, as the difference.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Random, randomInteger, seededRandom } from "#base/random.ts";
import { type Mirror, type MirrorBatch, startMirror } from "#mirror/mirror.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { connectStore } from "#store/etcd/client.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import { type StoreServer, serveStore } from "#store/server/server.ts";
import type { Store } from "#store/store.ts";
import { Relay } from "./relay.ts";
import { system } from "./remote-stores.ts";

let directory = "";
let local: LocalStore;
let server: StoreServer;
let relay: Relay;
let remote: Store;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-store-"));
  local = await openEmbeddedStore({ ...system, directory });
  server = await serveStore({ store: local, host: "127.0.0.1", port: 0 });
  relay = await Relay.open(server.address.port);
  remote = connectStore({ ...system, endpoints: [relay.endpoint], callTimeoutMs: 1_000 });
});
afterEach(async () => {
  await remote.close();
  await relay.close();
  await server.close();
  await local.close();
  await rm(directory, { recursive: true });
});

interface Followed {
  readonly mirror: Mirror;
  readonly batches: MirrorBatch[];
  readonly connections: boolean[];
}

function follow(): Followed {
  const batches: MirrorBatch[] = [];
  const connections: boolean[] = [];
  const mirror = startMirror({
    ...system,
    store: remote,
    prefix: "m/",
    onBatch: (batch) => batches.push(batch),
    onConnected: (connected) => connections.push(connected),
  });
  return { mirror, batches, connections };
}

/** Puts and deletes keys; returns each change as a mirror should report it. */
async function writeMany(random: Random, count: number): Promise<string[]> {
  const changes: string[] = [];
  for (let round = 0; round < count; round += 1) {
    const key = `m/${randomInteger(random, 0, 20)}`;
    const deletes = random.next() < 0.2;
    const answer = deletes
      ? await local.deleteRange({ key: toBytes(key) })
      : await local.put({ key: toBytes(key), value: toBytes("x".repeat(randomInteger(random, 0, 2_000))) });
    if (!("deleted" in answer) || answer.deleted > 0) changes.push(`${key}@${answer.header.revision}`);
  }
  return changes;
}

function reported(batches: readonly MirrorBatch[]): string[] {
  return batches.flatMap((batch) => batch.changes.map(({ key, modRevision }) => `${key}@${modRevision}`));
}

async function contentOf(store: Store): Promise<Map<string, string>> {
  const { kvs } = await store.range(prefixRange("m/"));
  return new Map(kvs.map((kv) => [toText(kv.key), toText(kv.value)]));
}

/** What someone who takes in the batches ends up with. */
function contentAfter(batches: readonly MirrorBatch[]): Map<string, string> {
  const content = new Map<string, string>();
  for (const { key, value } of batches.flatMap((batch) => batch.changes)) {
    if (value === undefined) content.delete(key);
    else content.set(key, toText(value));
  }
  return new Map([...content].sort(([a], [b]) => (a < b ? -1 : 1)));
}

test("connections cut anywhere in a catch-up lose and double nothing", async () => {
  const random = seededRandom(7);
  const { mirror, batches } = follow();
  await mirror.ready();
  const expected: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    relay.cut();
    expected.push(...(await writeMany(random, 60)));
    relay.cutAfter = randomInteger(random, 100, 40_000);
    relay.cutsLeft = 1;
    await mirror.reached(local.revision);
  }
  expect(relay.cuts).toBeGreaterThan(1);
  expect(reported(batches)).toEqual(expected);
  expect(batches.filter((batch) => batch.listed).length).toBe(1);
  await mirror.stop();
});

test("a compaction while the mirror was away is made up for by the difference, deletions too", async () => {
  const random = seededRandom(8);
  const { mirror, batches } = follow();
  await mirror.ready();
  await writeMany(random, 50);
  await mirror.reached(local.revision);
  relay.silent = "both";
  relay.cut();
  await writeMany(random, 200);
  await local.compact(local.revision);
  relay.silent = "no";
  await mirror.reached(local.revision);
  expect(batches.filter((batch) => batch.listed).length).toBe(2);
  expect(contentAfter(batches)).toEqual(await contentOf(local));
  expect(new Set(reported(batches)).size).toBe(reported(batches).length);
  await mirror.stop();
});

test("a store that begins anew at a lower revision is listed again, and what is no longer there is deleted", async () => {
  const { mirror, batches } = follow();
  await mirror.ready();
  await writeMany(seededRandom(9), 50);
  await mirror.reached(local.revision);
  const { port } = server.address;
  await server.close();
  await local.close();
  await rm(directory, { recursive: true });
  local = await openEmbeddedStore({ ...system, directory });
  await local.put({ key: toBytes("m/only"), value: toBytes("new") });
  server = await serveStore({ store: local, host: "127.0.0.1", port });
  while (contentAfter(batches).get("m/only") === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(contentAfter(batches)).toEqual(new Map([["m/only", "new"]]));
  await mirror.stop();
});

test("a connection that dies without a word is noticed and replaced", async () => {
  const { mirror, connections } = follow();
  await mirror.ready();
  await writeMany(seededRandom(10), 5);
  await mirror.reached(local.revision);
  relay.silent = "both";
  // The first call that gets no answer gives the connection up, for the watch as well.
  await expect(remote.range({ key: toBytes("m/1") })).rejects.toMatchObject({ retryable: true });
  while (connections.at(-1) === true) await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(remote.range({ key: toBytes("m/1") })).rejects.toMatchObject({ retryable: true });
  relay.silent = "no";
  const { header } = await local.put({ key: toBytes("m/1"), value: toBytes("after") });
  await mirror.reached(header.revision);
  expect(connections.at(-1)).toBe(true);
  await mirror.stop();
});

test("a lease's renewals go on over a new connection, and fail while there is none", async () => {
  const { id } = await remote.leaseGrant({ ttlS: 60 });
  expect(await remote.leaseKeepAlive(id)).toBe(60);
  const renewals = Promise.all([remote.leaseKeepAlive(id), remote.leaseKeepAlive(id)]);
  relay.cut();
  await expect(renewals).rejects.toMatchObject({ status: "unavailable" });
  let renewed = 0;
  while (renewed === 0) renewed = await remote.leaseKeepAlive(id).catch(() => 0);
  expect(renewed).toBe(60);
});
