/**
 * What three machines with real systemd cost at rest, 500 units on the first: each daemon is the built executable, run
 * by the unit that `flotilla install` writes, and reaches the others by certificate. The first has the store, and has
 * signed the others' certificates.
 *
 * Usage: node bench/machines-idle.ts [units] [seconds]
 */
import { sleep } from "#base/clock.ts";
import { systemClock } from "#host/system.ts";
import { untilActive } from "../test/cluster/following.ts";
import { Machines } from "../test/machines/machines.ts";
import { SLEEPER, unitNames } from "./bench-cluster.ts";
import { observeAtRest, type Resting } from "./proc.ts";
import { type BenchResult, progress, report, toResult } from "./result.ts";

const [units = 500, seconds = 60] = process.argv.slice(2).map(Number);
/** Rest after the last start, for the collector and for whatever is still to be written. */
const SETTLE_MS = 30_000;
const START_MS = 180_000;

async function startUnits(machines: Machines): Promise<void> {
  const { client } = machines.get("m1");
  for (const { name } of machines.others("m1")) await client.configureMachine(name, { cordoned: true });
  const names = unitNames("idle", units);
  await client.submit({ units: names.map((unit) => ({ unit, text: SLEEPER })), desired: "launched" });
  await untilActive(client, names, undefined, START_MS);
}

function daemonsOf(machines: Machines): Promise<readonly Resting[]> {
  return Promise.all(
    machines.all.map(async (machine) => ({
      machine: machine.name,
      pid: await machine.mainPid("flotilla.service"),
      proc: machine.pathOf("proc"),
    })),
  );
}

async function measure(machines: Machines): Promise<readonly BenchResult[]> {
  await startUnits(machines);
  progress(`${units} units are active; ${SETTLE_MS / 1000} s of rest, then ${seconds} s of measuring`);
  await sleep(systemClock, SETTLE_MS);
  const { client } = machines.get("m1");
  const before = await client.cluster();
  const daemons = await observeAtRest(await daemonsOf(machines), seconds * 1_000);
  const after = await client.cluster();
  const suffix = `${units} units on systemd, the store and certificates, from the executable`;
  return [
    toResult({
      name: "machines-idle-memory",
      what: `resident memory of an idle daemon with ${suffix}`,
      unit: "MiB",
      target: { atMost: 76 },
      samples: [Math.max(...daemons.map(({ rssMiB }) => rssMiB))],
      details: { daemons },
    }),
    toResult({
      name: "machines-idle-processor",
      what: `processor time of an idle daemon with ${suffix}`,
      unit: "% of a core",
      target: { atMost: 0.5 },
      samples: [Math.max(...daemons.map(({ coreShare }) => coreShare))],
    }),
    toResult({
      name: "machines-idle-writes",
      what: `store writes of an idle cluster with ${units} units on systemd`,
      unit: "revisions",
      target: { atMost: 0 },
      samples: [Number(BigInt(after.revision) - BigInt(before.revision))],
    }),
  ];
}

const machines = await Machines.start({ count: 3 });
try {
  report(...(await measure(machines)));
} finally {
  await machines.stop();
}
