/**
 * fleet's functional cases on machines that come and go (cluster_test.go, node_test.go, shutdown_test.go), on real
 * machines.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { UnitRow } from "#api/bodies.ts";
import { untilActive } from "../../cluster/following.ts";
import { running, SLEEPER } from "../../cluster/units.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines, until } from "../machines.ts";

const TTL_S = 3;
const CONFLICTING = `${SLEEPER}[X-Fleet]\nConflicts=conflict.*\n`;

describe.runIf(canBootMachines)("four machines", () => {
  let machines: Machines;

  beforeAll(async () => {
    machines = await Machines.start({
      count: 4,
      settings: { "lease-ttl": String(TTL_S) },
      settingsOf: { m4: { "on-exit": "stop" } },
    });
  }, BOOT_TIMEOUT_MS);
  afterEach(() => machines.reset());
  afterAll(() => machines.stop());

  const conflicting = ["conflict.0.service", "conflict.1.service", "conflict.2.service"];
  const rowsOf = async (names: readonly string[]): Promise<readonly UnitRow[]> =>
    (await machines.get("m1").client.units({ units: names })).units;
  const others = (rows: readonly UnitRow[], than: UnitRow | undefined): ReadonlyMap<string, number | null> =>
    running(rows.filter(({ unit }) => unit !== than?.unit));
  /** One of the rows that is not on the machine with the store. */
  const movable = (rows: readonly UnitRow[]): UnitRow | undefined =>
    rows.find(({ machineName }) => machineName !== "m1" && machineName !== "m4");

  test("TestDynamicClusterNewMemberUnitMigration: a dead machine's unit goes to the free one, the others stay", async () => {
    const before = await machines.launch(conflicting, CONFLICTING);
    const moving = movable(before);
    const free = machines.names.find((name) => before.every(({ machineName }) => machineName !== name));
    await machines.get(moving?.machineName).cutPower();
    await untilActive(machines.get("m1").client, [moving?.unit ?? ""], (machine) => machine === free);
    expect(others(await rowsOf(conflicting), moving)).toEqual(others(before, moving));
  });

  test("TestDynamicClusterMemberReboot: one machine that reboots moves one unit", async () => {
    const before = await machines.launch(conflicting, CONFLICTING);
    const moving = movable(before);
    const rebooting = machines.get(moving?.machineName);
    await rebooting.cutPower();
    await machines.joined(machines.others(rebooting.name).map(({ name }) => name));
    // A machine that is back before the engine has moved its unit keeps it.
    await untilActive(
      machines.get("m1").client,
      moving === undefined ? [] : [moving.unit],
      (machine) => machine !== rebooting.name,
    );
    await rebooting.switchOn();
    await machines.joined();
    await untilActive(machines.get("m1").client, conflicting);
    const after = await rowsOf(conflicting);
    expect(others(after, moving)).toEqual(others(before, moving));
    expect(after.find(({ unit }) => unit === moving?.unit)?.machineName).not.toBe(rebooting.name);
  });

  test("TestNodeShutdown: a machine whose service is stopped leaves the list, its units really stop there", async () => {
    const names = machines.names.map((name) => `spread-${name}.service`);
    const rows = await machines.launch(names);
    const there = rows.filter(({ machineName }) => machineName === "m4").map(({ unit }) => unit);
    expect(there.length).toBe(1);
    const leaving = machines.get("m4");
    await leaving.must("systemctl", "stop", "flotilla");
    await machines.joined(["m1", "m2", "m3"]);
    expect((await leaving.run("systemctl", "is-active", ...there)).stdout.trim()).toBe("inactive");
    expect((await rowsOf(there)).filter(({ machineName }) => machineName === "m4")).toEqual([]);
    await leaving.must("systemctl", "start", "flotilla");
    await machines.joined();
  });

  test("TestReconfigureServer: changed settings are taken over while commands go on and no unit notices", async () => {
    const before = running(
      await machines.launch(["steady.service"], `${SLEEPER}[X-Fleet]\nMachineID=${await idOf("m2")}\n`),
    );
    const machine = machines.get("m2");
    const settings = await machine.read("/etc/default/flotilla");
    await machine.write("/etc/default/flotilla", `${settings}FLOTILLA_METADATA=rack=seven\n`);
    await machine.must("systemctl", "restart", "flotilla");
    await until("the new metadata", async () => {
      const { machines: list } = await machines.get("m1").client.machines();
      return list.find(({ name }) => name === "m2")?.metadata.rack === "seven";
    });
    expect((await machine.flotilla(["list-units"])).stdout).toContain("steady.service");
    expect(await serviceState("m2")).toBe("active running success");
    expect(running(await rowsOf(["steady.service"]))).toEqual(before);
  });

  test("TestShutdown: the service stops cleanly, and its units run on", async () => {
    const before = running(
      await machines.launch(["steady.service"], `${SLEEPER}[X-Fleet]\nMachineID=${await idOf("m3")}\n`),
    );
    const machine = machines.get("m3");
    await machine.must("systemctl", "stop", "flotilla");
    expect(await serviceState("m3")).toBe("inactive dead success");
    expect(await machine.must("systemctl", "is-active", "steady.service")).toBe("active\n");
    await machine.must("systemctl", "start", "flotilla");
    await machines.joined();
    await untilActive(machines.get("m1").client, ["steady.service"], (name) => name === "m3");
    expect(running(await rowsOf(["steady.service"]))).toEqual(before);
  });

  test("TestShutdownVsMonitor: the service stops cleanly while the store cannot be reached", async () => {
    const machine = machines.get("m3");
    await machine.cutFrom(machines.all);
    await machines.joined(["m1", "m2", "m4"]);
    await machine.must("systemctl", "stop", "flotilla");
    expect(await serviceState("m3")).toBe("inactive dead success");
    await machine.heal();
    await machine.must("systemctl", "start", "flotilla");
    await machines.joined();
  });

  async function idOf(name: string): Promise<string> {
    const { machines: list } = await machines.get("m1").client.machines();
    return list.find((machine) => machine.name === name)?.machine ?? "";
  }

  async function serviceState(name: string): Promise<string> {
    const properties = "--property=ActiveState,SubState,Result";
    const lines = await machines.get(name).must("systemctl", "show", properties, "flotilla");
    const values = new Map(
      lines.split("\n").map((line): [string, string] => [line.split("=")[0] ?? "", line.split("=")[1] ?? ""]),
    );
    return ["ActiveState", "SubState", "Result"].map((key) => values.get(key)).join(" ");
  }
});
