/** `flotilla list-units` of 500 units, the whole command. */
import type { Cluster } from "../test/cluster/cluster.ts";
import { untilUnits } from "../test/cluster/following.ts";
import { SLEEPER, timeCommand, timeProgram, unitNames, withCluster } from "./bench-cluster.ts";
import { report, toResult } from "./result.ts";

const UNITS = 500;
const RUNS = 15;

/** Loaded is enough for a row of a unit that is on a machine and has a state there. */
async function loadUnits(cluster: Cluster): Promise<void> {
  const client = cluster.client("m1");
  const names = unitNames("listed", UNITS);
  await client.submit({ units: names.map((unit) => ({ unit, text: SLEEPER })), desired: "loaded" });
  await untilUnits(client, undefined, (rows) =>
    names.every((name) => rows.get(name)?.[0]?.load === "loaded"),
  );
  const { stdout } = await cluster.flotilla(["list-units"]);
  const shown = names.filter((name) => stdout.includes(name));
  if (shown.length !== UNITS) throw new Error(`list-units shows ${shown.length} of ${UNITS} units`);
}

await withCluster(async (cluster) => {
  await loadUnits(cluster);
  const table: number[] = [];
  const json: number[] = [];
  const node: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    table.push(await timeCommand(cluster, ["list-units"]));
    json.push(await timeCommand(cluster, ["list-units", "-o", "json"]));
    node.push(await timeProgram(process.execPath, ["-e", "0"]));
  }
  report(
    toResult({
      name: "list-units",
      what: "flotilla list-units, 500 units, the whole command",
      unit: "ms",
      target: { atMost: 250 },
      samples: table,
      peers: { "the same with -o json": json, "node -e 0": node },
    }),
  );
});
