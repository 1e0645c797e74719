/** Snapshots both ways between the embedded store and a real etcd, with Debian's etcdctl in between. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { restoreStore } from "#store/embedded/restore.ts";
import { connectStore } from "#store/etcd/client.ts";
import { prefixRange, toBytes } from "#store/keys.ts";
import { serveStore } from "#store/server/server.ts";
import { readEtcdSnapshot, writeEtcdSnapshot } from "#store/snapshot/etcd-snapshot.ts";
import type { KeyValue, Store } from "#store/store.ts";
import { startEtcd } from "../../contract/store-etcd.ts";
import { isInstalled } from "../../contract/store-subjects.ts";
import { told } from "../../contract/store-talk.ts";

const system = { clock: systemClock, random: systemRandom };
const run = promisify(execFile);
const env = { ...process.env, ETCDCTL_API: "3" };

/** Keys over many pages, some larger than one, with a past, a lease, and a deletion as the last write. */
async function fill(store: Store): Promise<bigint> {
  const { id } = await store.leaseGrant({ ttlS: 1_000, id: 0x1234n });
  for (let batch = 0; batch < 10; batch += 1) {
    const puts = Array.from({ length: 100 }, (_, at) => ({
      key: toBytes(`key/${batch * 100 + at}`),
      value: toBytes(`value ${at} `.repeat(at)),
    }));
    await store.txn({
      compare: [],
      success: puts.map((request) => ({ kind: "put", request })),
      failure: [],
    });
  }
  await store.put({ key: toBytes("key/5"), value: toBytes("again") });
  await store.put({ key: toBytes("large"), value: new Uint8Array(1_000_000).fill(120) });
  await store.put({ key: toBytes("leased"), value: toBytes("1"), lease: id });
  await store.put({ key: toBytes("last"), value: toBytes("gone") });
  const { header } = await store.deleteRange({ key: toBytes("last") });
  return header.revision;
}

async function everything(store: Store): Promise<readonly KeyValue[]> {
  const { kvs } = await store.range(prefixRange(""));
  return kvs;
}

function show(kv: KeyValue): unknown {
  const { value, ...rest } = told(kv);
  return { ...rest, value: value.slice(0, 40), length: value.length };
}

describe.runIf(isInstalled("etcdctl") && isInstalled("etcd"))("snapshots", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "flotilla-snapshots-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  test("what etcdctl saves of the embedded store starts a real etcd with the same keys and lease", async () => {
    const store = await openEmbeddedStore({ ...system, directory: join(directory, "one") });
    const revision = await fill(store);
    const kvs = await everything(store);
    const server = await serveStore({ store, host: "127.0.0.1", port: 0 });
    const file = join(directory, "one.db");
    await run("etcdctl", [`--endpoints=127.0.0.1:${server.address.port}`, "snapshot", "save", file], { env });
    const status = await run("etcdctl", ["snapshot", "status", file, "-w", "json"], { env });
    expect(JSON.parse(status.stdout)).toMatchObject({ totalKey: expect.any(Number) });
    await server.close();
    await store.close();
    const etcd = await startEtcd({ snapshot: file });
    const client = connectStore({ ...system, endpoints: [etcd.endpoint] });
    try {
      const restored = await client.range(prefixRange(""));
      expect(restored.kvs.map(show)).toEqual(kvs.map(show));
      expect(restored.header.revision).toBeGreaterThanOrEqual(revision);
      const lease = await client.leaseTimeToLive(0x1234n, true);
      expect(lease).toMatchObject({
        grantedTtlS: 1_000,
        keys: [toBytes("leased")].map((key) => Buffer.from(key)),
      });
    } finally {
      await client.close();
      await etcd.stop();
    }
  });

  test("what etcdctl saves of a real etcd restores into an embedded store", async () => {
    const etcd = await startEtcd();
    const client = connectStore({ ...system, endpoints: [etcd.endpoint] });
    const revision = await fill(client);
    const kvs = await everything(client);
    const file = join(directory, "two.db");
    await run("etcdctl", [`--endpoints=${etcd.endpoint}`, "snapshot", "save", file], { env });
    await client.close();
    await etcd.stop();
    const options = { ...system, directory: join(directory, "two") };
    const identity = { clusterId: 1n, memberId: 2n };
    await restoreStore({ ...options, identity, snapshot: readEtcdSnapshot(file) });
    const store = await openEmbeddedStore(options);
    try {
      expect((await everything(store)).map(show)).toEqual(kvs.map(show));
      expect(store.revision).toBe(revision);
      expect(await store.leaseTimeToLive(0x1234n, true)).toMatchObject({ grantedTtlS: 1_000 });
    } finally {
      await store.close();
    }
  });

  test("a snapshot of an embedded store restores into another one, identity and users included", async () => {
    const store = await openEmbeddedStore({ ...system, directory: join(directory, "three") });
    await fill(store);
    await store.records.write(() => [
      { bucket: "authUsers", name: "root", value: toBytes("user") },
      { bucket: "ours", name: "a/b", value: toBytes("record") },
    ]);
    const file = join(directory, "three.db");
    await writeEtcdSnapshot(store, file);
    const kvs = await everything(store);
    const options = { ...system, directory: join(directory, "four") };
    await restoreStore({ ...options, snapshot: readEtcdSnapshot(file) });
    const restored = await openEmbeddedStore(options);
    try {
      expect((await everything(restored)).map(show)).toEqual(kvs.map(show));
      expect(restored.identity).toEqual(store.identity);
      expect(restored.revision).toBe(store.revision);
      expect([...restored.records.list("ours").keys()]).toEqual(["a/b"]);
      expect([...restored.records.list("authUsers").keys()]).toEqual(["root"]);
    } finally {
      await restored.close();
      await store.close();
    }
  });
});
