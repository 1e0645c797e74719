/** From `flotilla start` to active: one unit, and a hundred in one command, on a cluster that is warm. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Cluster } from "../test/cluster/cluster.ts";
import { untilUnits } from "../test/cluster/following.ts";
import { timeCommand, timeProgram, unitNames, withCluster, writeUnits } from "./bench-cluster.ts";
import { type BenchResult, progress, report, toResult } from "./result.ts";

const SINGLE_STARTS = 25;
const WARM_UP = 3;
const HUNDRED_STARTS = 5;

async function startOne(cluster: Cluster): Promise<BenchResult> {
  const [samples, node, nothing]: number[][] = [[], [], []];
  const names = unitNames("one", SINGLE_STARTS + WARM_UP);
  for (const path of await writeUnits(cluster, names)) {
    samples?.push(await timeCommand(cluster, ["start", path]));
    node?.push(await timeProgram(process.execPath, ["-e", "0"]));
    nothing?.push(await timeProgram("/bin/true", []));
  }
  const warm = (all: number[] = []): number[] => all.slice(WARM_UP);
  await removeAll(cluster, names);
  return toResult({
    name: "start-one",
    what: "flotilla start of one trivial unit, command to active, warm cluster",
    unit: "ms",
    target: { atMost: 150 },
    samples: warm(samples),
    peers: { "node -e 0": warm(node), "/bin/true": warm(nothing) },
  });
}

async function startHundred(cluster: Cluster): Promise<BenchResult> {
  const samples: number[] = [];
  const peers: number[] = [];
  for (let round = 0; round < HUNDRED_STARTS; round += 1) {
    const names = unitNames(`hundred${round}`, 100);
    const paths = await writeUnits(cluster, names);
    samples.push(await timeCommand(cluster, ["start", ...paths]));
    progress(`100 units in ${Math.round(samples.at(-1) ?? 0)} ms`);
    await checkActive(cluster, names);
    await removeAll(cluster, names);
    peers.push(await timeBareProcesses(100));
  }
  return toResult({
    name: "start-hundred",
    what: "start 100 units in one command, all active",
    unit: "ms",
    target: { atMost: 1_500 },
    samples,
    peers: { "the bare processes: 100 perl that fork and exec a sleep each, two cores": peers },
  });
}

/** The floor: what the computer needs for the processes alone. */
async function timeBareProcesses(count: number): Promise<number> {
  const startedMs = performance.now();
  const children = Array.from({ length: count }, () =>
    spawn("/usr/bin/perl", ["-e", "if (!fork) { exec '/bin/sleep', '0' } wait"], { stdio: "ignore" }),
  );
  await Promise.all(children.map((child) => once(child, "close")));
  return performance.now() - startedMs;
}

/** The command has said that they are active; that is not taken on trust. */
async function checkActive(cluster: Cluster, names: readonly string[]): Promise<void> {
  const { units } = await cluster.client("m1").units({ units: names });
  const active = units.filter((row) => row.active === "active");
  if (active.length !== names.length) throw new Error(`only ${active.length} units are active`);
}

async function removeAll(cluster: Cluster, names: readonly string[]): Promise<void> {
  const client = cluster.client("m1");
  await client.change("destroy", names);
  await untilUnits(client, names, (rows) => [...rows.values()].every((row) => row.length === 0));
}

await withCluster(async (cluster) => {
  report(await startOne(cluster), await startHundred(cluster));
});
