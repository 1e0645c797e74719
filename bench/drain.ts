/**
 * A machine with 50 units is emptied: by a drain, and by its own end with --on-exit=stop. How long each unit is without
 * a living process, asked every 10 ms, and how long the whole takes.
 */
import { Cluster } from "../test/cluster/cluster.ts";
import { untilActive, untilUnits } from "../test/cluster/following.ts";
import { LifeProbe } from "../test/cluster/life-probe.ts";
import { SLEEPER } from "./bench-cluster.ts";
import { type BenchResult, progress, report, toResult } from "./result.ts";

const UNITS = 50;
const ROUNDS = 3;
/** A stop and a start of a unit that does nothing, with what the probe cannot tell. */
const STOP_AND_START_MS = 250;

interface Round {
  readonly tookMs: number;
  readonly longestGapMs: number;
}

type Way = (cluster: Cluster) => Promise<void>;

const WAYS: Readonly<Record<string, Way>> = {
  drain: async (cluster) => {
    for await (const _ of cluster.client("m1").drain("m3", {}));
  },
  shutdown: async (cluster) => {
    cluster.signal("m3", "SIGTERM");
  },
};

async function measure(cluster: Cluster, way: Way, names: readonly string[], text: string): Promise<Round> {
  const client = cluster.client("m1");
  const others = ["m1", "m2"];
  for (const name of others) await client.configureMachine(name, { cordoned: true });
  await client.submit({ units: names.map((unit) => ({ unit, text })), desired: "launched" });
  await untilActive(client, names, (machine) => machine === "m3");
  for (const name of others) await client.configureMachine(name, { cordoned: false });
  const instance = await cluster.instanceOf("m3");
  const probe = new LifeProbe(client, names);
  const startedMs = performance.now();
  const moved = untilActive(client, names, (machine) => machine !== "m3");
  await way(cluster);
  await moved;
  const tookMs = performance.now() - startedMs;
  const longestGapMs = Math.max(...probe.end().values());
  if (way === WAYS.shutdown) await cluster.rejoined("m3", instance);
  await client.configureMachine("m3", { drain: null });
  await client.change("destroy", names);
  await untilUnits(client, names, (rows) => [...rows.values()].every((row) => row.length === 0));
  return { tookMs, longestGapMs };
}

const cluster = await Cluster.start({
  machines: 3,
  leaseTtlS: 5,
  network: "auto",
  environment: { FLOTILLA_ON_EXIT: "stop" },
});
const results: BenchResult[] = [];
try {
  for (const [name, way] of Object.entries(WAYS)) {
    for (const overlap of ["yes", "no"]) {
      const rounds: Round[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const names = Array.from(
          { length: UNITS },
          (_, index) => `${name}-${overlap}-${round}-${index}.service`,
        );
        rounds.push(await measure(cluster, way, names, `${SLEEPER}[X-Flotilla]\nOverlap=${overlap}\n`));
        progress(`${name}, Overlap=${overlap}: ${JSON.stringify(rounds.at(-1))}`);
      }
      results.push(
        toResult({
          name: `${name}-overlap-${overlap}`,
          what: `${name} of a machine with ${UNITS} units, Overlap=${overlap}: the longest that one was down`,
          unit: "ms",
          target: { atMost: overlap === "yes" ? 0 : STOP_AND_START_MS },
          samples: rounds.map(({ longestGapMs }) => longestGapMs),
          details: { tookMs: rounds.map(({ tookMs }) => Math.round(tookMs)) },
        }),
      );
    }
  }
  report(...results);
} finally {
  await cluster.stop();
}
