/**
 * What an idle cluster with 100 units costs: memory and processor time of each daemon, and writes to the store.
 * All units are on the machine with the store, so that its daemon carries everything a daemon can.
 */
import { sleep } from "#base/clock.ts";
import { systemClock } from "#host/system.ts";
import type { Cluster } from "../test/cluster/cluster.ts";
import { untilActive } from "../test/cluster/following.ts";
import { SLEEPER, unitNames, withCluster } from "./bench-cluster.ts";
import { observeAtRest, processesTitled, proportionalMiB } from "./proc.ts";
import { median, progress, report, toResult } from "./result.ts";

const UNITS = 100;
/** Rest after the last start, for the collector and for whatever is still to be written. */
const SETTLE_MS = 15_000;
const MEASURED_MS = 60_000;

async function startUnits(cluster: Cluster): Promise<void> {
  const client = cluster.client("m1");
  for (const machine of ["m2", "m3"]) await client.configureMachine(machine, { cordoned: true });
  const names = unitNames("idle", UNITS);
  await client.submit({ units: names.map((unit) => ({ unit, text: SLEEPER })), desired: "launched" });
  await untilActive(client, names);
}

async function shimMemory(): Promise<readonly number[]> {
  const pids = await processesTitled("flotilla-shim: idle-");
  return Promise.all(pids.map((pid) => proportionalMiB(pid)));
}

await withCluster(async (cluster) => {
  await startUnits(cluster);
  progress(
    `${UNITS} units are active; ${SETTLE_MS / 1000} s of rest, then ${MEASURED_MS / 1000} s of measuring`,
  );
  await sleep(systemClock, SETTLE_MS);
  const client = cluster.client("m1");
  const before = await client.cluster();
  const machines = cluster.host.layout.machines.map(({ name }) => name);
  const daemons = await observeAtRest(
    machines.map((machine) => ({ machine, pid: cluster.pid(machine) })),
    MEASURED_MS,
  );
  const after = await client.cluster();
  const shims = await shimMemory();
  report(
    toResult({
      name: "idle-memory",
      what: "resident memory of an idle daemon, 100 units in the cluster and all of them on m1 with the store",
      unit: "MiB",
      target: { atMost: 80 },
      samples: [Math.max(...daemons.map(({ rssMiB }) => rssMiB))],
      details: { daemons, shims: { count: shims.length, medianPssMiB: median(shims) } },
    }),
    toResult({
      name: "idle-processor",
      what: "processor time of an idle daemon with 100 units",
      unit: "% of a core",
      target: { atMost: 0.5 },
      samples: [Math.max(...daemons.map(({ coreShare }) => coreShare))],
      details: { daemons },
    }),
    toResult({
      name: "idle-writes",
      what: "store writes of an idle cluster with 100 units in a minute",
      unit: "revisions",
      target: { atMost: 0 },
      samples: [Number(BigInt(after.revision) - BigInt(before.revision))],
    }),
  );
});
