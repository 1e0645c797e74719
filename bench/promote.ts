/**
 * `flotilla store promote` of a store of 300 MB while users write: how long it takes, how long writes wait, what the
 * daemon with the store needs meanwhile, and that nothing is lost.
 */

import { systemClock, systemRandom } from "#host/system.ts";
import { keys } from "#model/keys.ts";
import { connectStore } from "#store/etcd/client.ts";
import { toBytes } from "#store/keys.ts";
import type { Cluster } from "../test/cluster/cluster.ts";
import { lost, startWriter } from "../test/store/members/writer.ts";
import { withCluster } from "./bench-cluster.ts";
import { residentMiB } from "./proc.ts";
import { progress, report, toResult } from "./result.ts";

const VALUES = 75_000;
const VALUE_BYTES = 4_000;
const IN_FLIGHT = 64;
const LOOK_MS = 20;
/** Time for the load to settle before and behind. */
const SETTLE_MS = 3_000;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function fill(cluster: Cluster): Promise<void> {
  const { access } = await cluster.client("m1").store();
  const store = connectStore({ endpoints: access.endpoints, clock: systemClock, random: systemRandom });
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < VALUES; at = next++) {
      await store.put({ key: toBytes(keys.kv(`bulk/${at}`)), value: Buffer.alloc(VALUE_BYTES, String(at)) });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  await store.close();
}

/** The most that the process held meanwhile, in MiB. */
async function peakMemory(pid: number, work: () => Promise<void>): Promise<number> {
  let [most, isDone] = [await residentMiB(pid), false];
  const watching = (async () => {
    while (!isDone) {
      most = Math.max(most, await residentMiB(pid).catch(() => 0));
      await pause(LOOK_MS);
    }
  })();
  await work();
  isDone = true;
  await watching;
  return most;
}

await withCluster(async (cluster) => {
  await fill(cluster);
  await pause(SETTLE_MS);
  const pid = cluster.pid("m1");
  const beforeMiB = await residentMiB(pid);
  progress(`${VALUES} values of ${VALUE_BYTES} bytes; the daemon has ${Math.round(beforeMiB)} MiB`);
  const writer = startWriter(["m1", "m2", "m3"].map((name) => cluster.client(name)));
  await pause(SETTLE_MS);
  const startedMs = performance.now();
  const peakMiB = await peakMemory(pid, async () => {
    const { exitCode, stderr } = await cluster.flotilla(["store", "promote"]);
    progress(stderr);
    if (exitCode !== 0) throw new Error("it was not promoted");
  });
  const tookMs = performance.now() - startedMs;
  await pause(SETTLE_MS);
  const afterMiB = await residentMiB(pid);
  await writer.stop();
  const missing = await lost(cluster.client("m2"), writer);
  if (missing.length > 0) throw new Error(`writes were lost: ${missing.slice(0, 5).join(", ")}`);
  report(
    toResult({
      name: "promote-pause",
      what: "the longest time between two acknowledged writes while a store of 300 MB is promoted",
      unit: "ms",
      samples: [writer.longestPauseMs],
      details: {
        tookMs,
        shareOfIt: writer.longestPauseMs / tookMs,
        ...{ beforeMiB, peakMiB, afterMiB, acknowledged: writer.acknowledged.size },
      },
    }),
  );
});
