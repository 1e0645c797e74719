/** A unit that has failed for good is tried on other machines where its file says so, and says what came of it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster } from "../cluster/cluster.ts";
import { untilUnits } from "../cluster/following.ts";

const UNIT = "wanderer.service";
const TEXT = "[Service]\nType=exec\nExecStart=/bin/false\n[X-Flotilla]\nFailureMoves=1\n";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ machines: 3, leaseTtlS: 5, network: "shared" });
});
afterAll(() => cluster.stop());

test("it fails on one machine, then on another, and then stays", async () => {
  const client = cluster.client("m1");
  await client.submit({ units: [{ unit: UNIT, text: TEXT }], desired: "launched" });
  const machines = new Set<string>();
  await untilUnits(client, [UNIT], (rows) => {
    const row = rows.get(UNIT)?.[0];
    if (row?.active === "failed" && row.machineName !== null) machines.add(row.machineName);
    return machines.size === 2;
  });
  const why = await cluster.flotilla(["why", UNIT]);
  expect(why.stdout).toMatch(/it has failed on m\d \(.*\), then on m\d \(.*\), and is tried nowhere else/);
});
