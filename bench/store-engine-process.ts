/**
 * A process that holds an embedded store, measured by bench/store-engine.ts: what it takes of memory and time, and how
 * long it holds up the event loop. Arguments: what to do, and the store's directory. Prints its figures as JSON.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { prefixRange, toBytes } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import { residentMiB } from "./proc.ts";
import { longestTurn } from "./turns.ts";

const KEYS = 100_000;
const KEY_BYTES = 1_000;
const LEASED_KEYS = 10_000;
const IN_FLIGHT = 64;
const REST_MS = 2_000;

const [task = "", directory = ""] = process.argv.slice(2);

async function fill(store: LocalStore, prefix: string, count: number, lease = 0n): Promise<void> {
  const value = new Uint8Array(KEY_BYTES).fill(120);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await store.put({ key: toBytes(`${prefix}${next++}`), value, lease });
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
}

async function readSnapshot(store: LocalStore): Promise<void> {
  let count = 0;
  for await (const piece of store.snapshot()) count += piece.length;
  if (count < KEYS) throw new Error(`the snapshot has ${count} items`);
}

/** Everything that has much to do, one after the other, while a watch on all keys follows. */
async function underLoad(store: LocalStore): Promise<Record<string, number>> {
  const stop = new AbortController();
  const following = (async () => {
    for await (const _ of store.watch({ ...prefixRange("l/"), prevKv: true }, { signal: stop.signal }));
  })();
  const all = prefixRange("k/");
  const { id } = await store.leaseGrant({ ttlS: 3_600 });
  const turns = {
    puts: await longestTurn(() => fill(store, "k/", KEYS / 5)),
    range: await longestTurn(() => store.range(all)),
    sortedRange: await longestTurn(() => store.range({ ...all, sortTarget: "mod", sortOrder: "descend" })),
    snapshot: await longestTurn(() => readSnapshot(store)),
    hash: await longestTurn(() => store.hash()),
    compaction: await longestTurn(() => store.compact(store.revision).then(() => sleep(REST_MS))),
    leasedPuts: await longestTurn(() => fill(store, "l/", LEASED_KEYS, id)),
    leaseEnd: await longestTurn(() => store.leaseRevoke(id).then(() => sleep(REST_MS))),
    deletes: await longestTurn(() => store.deleteRange(all)),
    defragmentation: await longestTurn(() => store.compact(store.revision).then(() => store.defragment())),
  };
  stop.abort();
  await following;
  return turns;
}

const startMs = performance.now();
const store = await openEmbeddedStore({ directory, clock: systemClock, random: systemRandom });
const openMs = performance.now() - startMs;
const turns: Record<string, number> = task === "load" ? await underLoad(store) : {};
if (task === "fill") await fill(store, "k/", KEYS);
await sleep(REST_MS);
const rssMiB = await residentMiB(process.pid);
await store.close();
process.stdout.write(`${JSON.stringify({ openMs, rssMiB, turns })}\n`);
