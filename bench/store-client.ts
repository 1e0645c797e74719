/**
 * The store's client, against the embedded store and Debian's etcd in the same run: the processor time of a put in a
 * process that does nothing else, beside Node's own HTTP/2, and how long after a put a watcher hears of it.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock, systemRandom } from "#host/system.ts";
import { connectStore } from "#store/etcd/client.ts";
import { prefixRange, toBytes } from "#store/keys.ts";
import { startEtcd } from "../test/contract/store-etcd.ts";
import { isInstalled } from "../test/contract/store-subjects.ts";
import { type BenchResult, median, progress, report, toResult } from "./result.ts";
import { serveInProcess } from "./served-store.ts";
import type { Load } from "./store-load.ts";

const ROUNDS = 5;
const ROUND_MS = 2_000;
const CPU_US_MAX = 110;
/** A hundredth is about the disk's worst moments, which come as they like: many rounds that take turns, none of them long. */
const WATCH_ROUNDS = 15;
const WATCHED_PUTS = 500;
const system = { clock: systemClock, random: systemRandom };
const run = promisify(execFile);

async function load(endpoint: string, speaker: "ours" | "node"): Promise<Load> {
  const script = join(import.meta.dirname, "store-load.ts");
  const { stdout } = await run(process.execPath, [script, endpoint, String(ROUND_MS), speaker]);
  return JSON.parse(stdout) as Load;
}

/** Milliseconds from each put, one after the other, until the watch has told of it: the 99th of a hundred. */
async function watchDelayMs(endpoint: string): Promise<number> {
  const store = connectStore({ ...system, endpoints: [endpoint] });
  const stop = new AbortController();
  const sentMs: number[] = [];
  const delaysMs: number[] = [];
  const putNext = (): void => {
    sentMs.push(performance.now());
    store
      .put({ key: toBytes("watched/key"), value: new Uint8Array(256) })
      .catch((error: unknown) => stop.abort(error));
  };
  for await (const response of store.watch(prefixRange("watched/"), stop)) {
    if (response.kind === "events") delaysMs.push(performance.now() - (sentMs.at(-1) ?? 0));
    if (delaysMs.length === WATCHED_PUTS) stop.abort();
    else putNext();
  }
  await store.close();
  return delaysMs.toSorted((a, b) => a - b)[Math.floor(WATCHED_PUTS * 0.99)] ?? Number.NaN;
}

function delayBesideEtcd(): BenchResult {
  return toResult({
    name: "store-watch-delay-times-etcd",
    what: "put until a watcher has heard of it, p99, beside etcd",
    unit: "times etcd's",
    target: { atMost: 1 },
    samples: [median(delayMs.embedded) / median(delayMs.etcd)],
  });
}

const directory = await mkdtemp(join(tmpdir(), "flotilla-bench-store-"));
const served = await serveInProcess(join(directory, "served"));
const etcd = isInstalled("etcd") ? await startEtcd() : undefined;
const cpuUs = { embedded: [] as number[], etcd: [] as number[], node: [] as number[] };
const delayMs = { embedded: [] as number[], etcd: [] as number[] };
try {
  for (let round = 0; round < ROUNDS; round += 1) {
    cpuUs.embedded.push((await load(served.endpoint, "ours")).cpuUs);
    cpuUs.node.push((await load(served.endpoint, "node")).cpuUs);
    if (etcd !== undefined) cpuUs.etcd.push((await load(etcd.endpoint, "ours")).cpuUs);
    progress(`client ${round + 1}/${ROUNDS}`);
  }
  for (let round = 0; round < WATCH_ROUNDS; round += 1) {
    delayMs.embedded.push(await watchDelayMs(served.endpoint));
    if (etcd !== undefined) delayMs.etcd.push(await watchDelayMs(etcd.endpoint));
    progress(`watch ${round + 1}/${WATCH_ROUNDS}`);
  }
  report(
    toResult({
      ...{ name: "store-client-cpu", what: "processor time of a put in our client, 64 at a time" },
      ...{ unit: "µs", target: { atMost: CPU_US_MAX }, samples: cpuUs.embedded },
      peers: {
        "node:http2 alone": cpuUs.node,
        ...(etcd === undefined ? {} : { "against etcd 3.4": cpuUs.etcd }),
      },
    }),
    toResult({
      ...{ name: "store-watch-delay", what: "put until a watcher has heard of it, p99" },
      ...{ unit: "ms", samples: delayMs.embedded },
      ...(etcd === undefined ? {} : { peers: { "etcd 3.4": delayMs.etcd } }),
    }),
    ...(etcd === undefined ? [] : [delayBesideEtcd()]),
  );
} finally {
  await etcd?.stop();
  await served.stop();
  await rm(directory, { recursive: true });
}
