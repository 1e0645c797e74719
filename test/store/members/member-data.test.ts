/** A member's data made of an embedded store that is written meanwhile: a real etcd goes on from it at the same revision. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock, systemRandom } from "#host/system.ts";
import { findRestorer } from "#members/etcd-program.ts";
import { MemberData } from "#members/member-data.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { connectStore } from "#store/etcd/client.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import type { Store } from "#store/store.ts";
import { startEtcd } from "../../contract/store-etcd.ts";
import { told } from "../../contract/store-talk.ts";

const system = { clock: systemClock, random: systemRandom };
const KEYS = 2_000;

async function fill(store: Store): Promise<void> {
  await store.leaseGrant({ ttlS: 1_000, id: 5n });
  const put = (at: number) =>
    store.put({ key: toBytes(`key/${at}`), value: new Uint8Array(500).fill(65 + (at % 26)) });
  await Promise.all(Array.from({ length: KEYS }, (_, at) => put(at)));
}

/** Writes until it is over: values, deletions, and keys on a lease. */
async function write(store: Store, isOver: (round: number) => boolean): Promise<void> {
  for (let at = 0; !isOver(at); at += 1) {
    await store.put({ key: toBytes(`key/${at % 300}`), value: toBytes(String(at)) });
    await store.deleteRange({ key: toBytes(`key/${(at * 7) % 300}`) });
    await store.put({ key: toBytes(`leased/${at % 20}`), value: toBytes(String(at)), lease: 5n });
  }
}

async function shown(store: Store, revision: bigint): Promise<readonly string[]> {
  const { kvs } = await store.range({ ...prefixRange(""), revision });
  return kvs.map((kv) => Object.values(told(kv)).map(String).join(" "));
}

test("an etcd goes on from it with the same keys, leases and revisions, and what has changed meanwhile", async () => {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-member-data-"));
  const store: LocalStore = await openEmbeddedStore({ ...system, directory: join(directory, "store") });
  await fill(store);
  let isCopied = false;
  const writing = write(store, () => isCopied);
  let revision = 0n;
  const restorer = await findRestorer(process.env, "here");
  const etcd = await startEtcd({
    prepare: async (data, peerUrl) => {
      const made = await MemberData.begin(store, restorer, { name: "one", peerUrl, directory: data });
      isCopied = true;
      await writing;
      await write(store, (round) => round === 10);
      revision = await made.finish();
      await made.close();
    },
  });
  const client = connectStore({ ...system, endpoints: [etcd.endpoint] });
  try {
    expect(revision).toBe(store.revision);
    expect((await client.range({ key: toBytes("x") })).header.revision).toBe(revision);
    // What changed last is history there, to which watches that were cut come back.
    for (const past of [0n, 1n, 20n].map((back) => revision - back)) {
      expect(await shown(client, past)).toEqual(await shown(store, past));
    }
    const [ours, theirs] = await Promise.all([store, client].map((one) => one.leaseTimeToLive(5n, true)));
    expect(theirs?.grantedTtlS).toBe(1_000);
    expect(theirs?.keys.map(toText).toSorted()).toEqual(ours?.keys.map(toText).toSorted());
    const { header } = await client.put({ key: toBytes("next"), value: toBytes("") });
    expect(header.revision).toBe(revision + 1n);
  } finally {
    await client.close();
    await etcd.stop();
    await store.close();
    await rm(directory, { recursive: true });
  }
});
