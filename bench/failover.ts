/** From a machine's power cut to its 35 units active on the others, with the default lease of 5 s. */
import type { Cluster } from "../test/cluster/cluster.ts";
import { untilActive, untilUnits } from "../test/cluster/following.ts";
import { SLEEPER, unitNames, withCluster } from "./bench-cluster.ts";
import { progress, report, toResult } from "./result.ts";

const ROUNDS = 4;
const UNITS = 35;

interface Round {
  readonly tookMs: number;
  /** Until the engine had decided the first move. */
  readonly decidedMs: number;
  readonly killedTheEngine: boolean;
}

/** All units begin on m3, because nothing else takes units while they are placed. */
async function gather(cluster: Cluster, names: readonly string[]): Promise<void> {
  const client = cluster.client("m1");
  const cordon = async (cordoned: boolean): Promise<void> => {
    for (const name of ["m1", "m2"]) await client.configureMachine(name, { cordoned });
  };
  await cordon(true);
  await client.submit({ units: names.map((unit) => ({ unit, text: SLEEPER })), desired: "launched" });
  await untilActive(client, names, (machine) => machine === "m3");
  await cordon(false);
}

async function cutAndWait(cluster: Cluster, names: readonly string[]): Promise<Round> {
  const client = cluster.client("m1");
  const { machines } = await client.machines();
  const killedTheEngine = machines.some((machine) => machine.name === "m3" && machine.engine);
  const startedMs = performance.now();
  const cutMs = Date.now();
  const moved = untilActive(client, names, (machine) => machine !== "m3");
  await cluster.host.kill("m3");
  await moved;
  const tookMs = performance.now() - startedMs;
  const moves = (await client.events()).filter(
    ({ kind, timeMs }) => kind === "unit-moved" && timeMs >= cutMs,
  );
  const decidedMs = Math.min(...moves.map(({ timeMs }) => timeMs)) - cutMs;
  return { tookMs, decidedMs, killedTheEngine };
}

async function cleanUp(cluster: Cluster, names: readonly string[]): Promise<void> {
  const client = cluster.client("m1");
  await client.change("destroy", names);
  await untilUnits(client, names, (rows) => [...rows.values()].every((row) => row.length === 0));
  await cluster.host.restart("m3");
  await cluster.joined(["m3"]);
}

await withCluster(async (cluster) => {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const names = unitNames(`failover${round}`, UNITS);
    await gather(cluster, names);
    rounds.push(await cutAndWait(cluster, names));
    progress(`35 units moved in ${Math.round(rounds.at(-1)?.tookMs ?? 0)} ms`);
    await cleanUp(cluster, names);
  }
  report(
    toResult({
      name: "failover",
      what: "machine killed to its 35 units active elsewhere, TTL 5 s",
      unit: "ms",
      target: { atMost: 3_000 },
      samples: rounds.map(({ tookMs }) => tookMs),
      details: {
        leaseTtlMs: 5_000,
        decidedMs: rounds.map((round) => round.decidedMs),
        killedTheEngine: rounds.map((round) => round.killedTheEngine),
      },
    }),
  );
});
