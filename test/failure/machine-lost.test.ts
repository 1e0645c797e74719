/** Failure rule 3: a machine is gone when its lease is, and the time that takes is bounded and told. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Cluster } from "../cluster/cluster.ts";
import { untilActive, untilEvent } from "../cluster/following.ts";
import { launch } from "../cluster/units.ts";

const TTL_S = 3;
/** From the end of the lease to active units elsewhere. */
const MOVE_MS = 2_000;

describe("a machine whose power is cut", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ machines: 3, leaseTtlS: TTL_S, network: "shared" });
  });
  afterAll(() => cluster.stop());

  test("has its units active elsewhere within the lease and two seconds, and the cluster tells why", async () => {
    const names = Array.from({ length: 9 }, (_, index) => `mobile-${index}.service`);
    const rows = await launch(cluster, names);
    const moving = rows.filter((row) => row.machineName === "m3").map((row) => row.unit);
    expect(moving.length).toBe(3);
    const client = cluster.client("m1");
    const lost = untilEvent(client, (event) => event.kind === "machine-lost");

    const cutMs = performance.now();
    const moved = untilActive(client, names, (machine) => machine !== "m3");
    await cluster.host.kill("m3");
    await moved;
    expect(performance.now() - cutMs).toBeLessThan(TTL_S * 1000 + MOVE_MS);

    expect((await lost).message).toContain("m3");
    const events = await client.events();
    const told = events.filter((event) => event.kind === "unit-moved");
    expect(told.map((event) => event.unit).sort()).toEqual([...moving].sort());
    expect(told.every((event) => event.message.includes("m3"))).toBe(true);
    const why = await cluster.flotilla(["why", moving[0] ?? ""]);
    expect(why.exitCode).toBe(0);
    expect(why.stdout).toContain("is gone");
  });

  test("is told of with the bound that the lease sets", async () => {
    const machines = await cluster.flotilla(["list-machines"]);
    expect(machines.exitCode).toBe(0);
    expect(machines.stdout + machines.stderr).toContain(`${TTL_S} s`);
  });
});
