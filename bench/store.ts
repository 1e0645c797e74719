/**
 * The store beside Debian's etcd, in the same run, on the same disk, with the same client: durable puts of 256 bytes,
 * one after the other and 64 at a time, and reads. Each number is the median of rounds that take turns.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { connectStore } from "#store/etcd/client.ts";
import { toBytes } from "#store/keys.ts";
import type { Store } from "#store/store.ts";
import { startEtcd } from "../test/contract/store-etcd.ts";
import { isInstalled } from "../test/contract/store-subjects.ts";
import { median, progress, report, toResult } from "./result.ts";
import { serveInProcess } from "./served-store.ts";

const ROUNDS = 5;
const ROUND_MS = 1_000;
const WARM_UP_ROUNDS = 2;
const IN_FLIGHT = 64;
const KEYS = 5_000;
const VALUE = new Uint8Array(256).fill(120);
const system = { clock: systemClock, random: systemRandom };

type Operation = (store: Store, count: number) => Promise<unknown>;
const put: Operation = (store, count) => store.put({ key: keyOf(count), value: VALUE });
const get: Operation = (store, count) => store.range({ key: keyOf(count) });

function keyOf(count: number): Uint8Array {
  return toBytes(`bench/${count % KEYS}`);
}

const MEASURES = [
  { name: "put-sequential", what: "durable puts, one after the other", operation: put, inFlight: 1 },
  { name: "put-64", what: "durable puts, 64 at a time", operation: put, inFlight: IN_FLIGHT },
  { name: "get-64", what: "linearizable gets, 64 at a time", operation: get, inFlight: IN_FLIGHT },
] as const;
type Measure = (typeof MEASURES)[number];

/** Operations per second over one round. */
async function rate(store: Store, { operation, inFlight }: Measure): Promise<number> {
  const startMs = performance.now();
  let count = 0;
  const work = async (): Promise<void> => {
    while (performance.now() - startMs < ROUND_MS) await operation(store, count++);
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return (count / (performance.now() - startMs)) * 1000;
}

const directory = await mkdtemp(join(tmpdir(), "flotilla-bench-store-"));
const local = await openEmbeddedStore({ ...system, directory: join(directory, "local") });
const served = await serveInProcess(join(directory, "served"));
const remote = connectStore({ ...system, endpoints: [served.endpoint] });
const etcd = isInstalled("etcd") ? await startEtcd() : undefined;
const etcdStore = etcd === undefined ? undefined : connectStore({ ...system, endpoints: [etcd.endpoint] });

try {
  // A daemon compiles only what stays hot, which takes it a while; etcd was compiled before.
  for (const store of [local, remote, etcdStore]) {
    for (let round = 0; round < WARM_UP_ROUNDS; round += 1) {
      if (store !== undefined) for (const measure of MEASURES) await rate(store, measure);
    }
  }
  const results = [];
  /** Without the network, which is what the engine itself can do. */
  const inProcess = [];
  for (const measure of MEASURES) {
    const samples = { local: [] as number[], remote: [] as number[], etcd: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      samples.local.push(await rate(local, measure));
      samples.remote.push(await rate(remote, measure));
      if (etcdStore !== undefined) samples.etcd.push(await rate(etcdStore, measure));
      progress(`${measure.name} ${round + 1}/${ROUNDS}`);
    }
    if (measure.name === "put-64" && samples.etcd.length > 0) {
      inProcess.push(
        toResult({
          name: "store-put-64-local-times-etcd",
          what: `${measure.what}, in process, beside etcd over gRPC`,
          unit: "times etcd's rate",
          target: { atLeast: 8 },
          samples: [median(samples.local) / median(samples.etcd)],
        }),
      );
    }
    const peers = samples.etcd.length > 0 ? { peers: { "etcd 3.4": samples.etcd } } : {};
    const row = { unit: "per second", ...peers };
    results.push(
      toResult({
        ...row,
        name: `store-${measure.name}-grpc`,
        what: `${measure.what}, over gRPC`,
        samples: samples.remote,
      }),
      toResult({
        ...row,
        name: `store-${measure.name}-local`,
        what: `${measure.what}, in process`,
        samples: samples.local,
      }),
    );
  }
  report(...results, ...inProcess);
} finally {
  await remote.close();
  await etcdStore?.close();
  await etcd?.stop();
  await served.stop();
  await local.close();
  await rm(directory, { recursive: true });
}
