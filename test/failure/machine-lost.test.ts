/** Failure rule 3: a machine is gone when its lease is, and the time that takes is bounded and told. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Cluster } from "../cluster/cluster.ts";
import { untilActive, untilEvent, untilUnits } from "../cluster/following.ts";
import { seatEngine } from "../cluster/seat.ts";
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

// Where machines share an address, one without power answers for another.
describe.runIf(process.getuid?.() === 0)("with a lease that is long", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ machines: 3, leaseTtlS: 60, network: "auto" });
  });
  afterAll(() => cluster.stop());

  test("the engine's machine is missed long before its lease ends: another takes its seat, moves its units, and says so", async () => {
    await seatEngine(cluster, "m3");
    const names = Array.from({ length: 6 }, (_, index) => `mobile-${index}.service`);
    const rows = await launch(cluster, names);
    const moving = rows.filter((row) => row.machineName === "m3").map((row) => row.unit);
    expect(moving.length).toBe(2);
    const client = cluster.client("m1");
    const last = (await client.events()).at(-1)?.id;
    const moved = untilUnits(client, moving, (units) =>
      moving.every((unit) =>
        units.get(unit)?.some(({ active, machineName }) => active === "active" && machineName !== "m3"),
      ),
    );
    await cluster.host.kill("m3");
    await moved;
    const elected = await untilEvent(client, ({ kind }) => kind === "engine-elected", last);
    const silent = await untilEvent(client, ({ kind }) => kind === "machine-unreachable", last);
    expect(elected.machineName).not.toBe("m3");
    expect(silent.machineName).toBe("m3");
    expect((await client.machines()).machines.some(({ name }) => name === "m3")).toBe(true);

    await cluster.host.restart("m3");
    const back = await untilEvent(client, ({ kind }) => kind === "machine-reachable", last);
    expect(back.machineName).toBe("m3");
  });
});
