/** The store of real machines goes away and comes back, and the engine's machine dies: nothing that runs notices. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { EventBody, UnitRow } from "#api/bodies.ts";
import { untilActive, untilEvent, untilUnits } from "../cluster/following.ts";
import { running, SLEEPER } from "../cluster/units.ts";
import { LONG_TEST_MS, MANY_UNITS, STORE_OUTAGE_MS } from "./full-length.ts";
import type { Machine } from "./machine.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines, until } from "./machines.ts";

const DISTURBING: readonly EventBody["kind"][] = ["unit-moved", "unit-failed", "unit-unplaced"];

describe.runIf(canBootMachines)("three machines with a store of their own", () => {
  let machines: Machines;
  beforeAll(async () => {
    machines = await Machines.start({ count: 3, store: "etcd" });
  }, BOOT_TIMEOUT_MS);
  afterEach(() => machines.reset());
  afterAll(() => machines.stop());

  const rowsOf = async (names?: readonly string[]): Promise<readonly UnitRow[]> =>
    (await machines.get("m1").client.units(names === undefined ? {} : { units: names })).units;
  const numbered = (prefix: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}.service`);
  const engineNow = async (through: Machine): Promise<string | undefined> =>
    (await through.client.machines()).machines.find(({ engine }) => engine)?.name;
  const eventsAfter = async (id: string): Promise<readonly EventBody[]> =>
    (await machines.get("m1").client.events({}, 10_000)).filter((event) => Number(event.id) > Number(id));
  const lastEvent = async (): Promise<string> => (await machines.get("m1").client.events()).at(-1)?.id ?? "0";

  test(
    "TestSingleNodeConnectivityLoss: units of every desired state are as they were, during it and after",
    async () => {
      const { client } = machines.get("m1");
      const everywhere = `${SLEEPER}[X-Fleet]\nGlobal=true\n`;
      await client.submit({ units: [{ unit: "inactive.service", text: SLEEPER }] });
      await client.submit({ units: [{ unit: "loaded.service", text: SLEEPER }], desired: "loaded" });
      await client.submit({ units: [{ unit: "all-loaded.service", text: everywhere }], desired: "loaded" });
      await client.submit({ units: [{ unit: "all.service", text: everywhere }], desired: "launched" });
      await machines.launch(["launched.service"]);
      const isUp = (rows: readonly UnitRow[] | undefined, active: string): boolean =>
        rows?.length === 3 && rows.every((row) => row.active === active);
      await untilUnits(
        client,
        ["all.service", "all-loaded.service", "loaded.service"],
        (rows) =>
          isUp(rows.get("all.service"), "active") &&
          isUp(rows.get("all-loaded.service"), "inactive") &&
          rows.get("loaded.service")?.[0]?.active === "inactive",
      );
      // Not a list: what is loaded and does not run is in systemd's lists only until systemd forgets it.
      const asked = ["inactive", "loaded", "all-loaded", "launched", "all"].map((stem) => `${stem}.service`);
      const facts = "--property=Id,LoadState,ActiveState,SubState,MainPID,NRestarts";
      const seen = (): Promise<readonly string[]> =>
        Promise.all(machines.all.map((machine) => machine.must("systemctl", "show", facts, ...asked)));
      const told = async (): Promise<readonly string[]> =>
        (await rowsOf())
          .map(({ unit, machineName, active, mainPid }) => `${unit} ${machineName} ${active} ${mainPid}`)
          .sort();
      const before = { systemd: await seen(), flotilla: await told() };
      expect(before.flotilla.length).toBe(8);

      await machines.etcd.kill();
      await sleep(STORE_OUTAGE_MS);
      expect(await seen()).toEqual(before.systemd);
      await machines.etcd.restart();
      await machines.joined();
      await afterNextPlan("after-outage.service");
      expect({
        systemd: await seen(),
        flotilla: (await told()).filter((line) => !line.startsWith("after")),
      }).toEqual(before);
    },
    LONG_TEST_MS,
  );

  test(
    `${MANY_UNITS} units: an outage of ${STORE_OUTAGE_MS / 1000} s and the engine's death after it stop and restart none of the others`,
    async () => {
      const names = numbered("many", MANY_UNITS);
      const before = running(await machines.launch(names));
      const since = await lastEvent();
      await machines.etcd.kill();
      await sleep(STORE_OUTAGE_MS);
      await machines.etcd.restart();
      await machines.joined();
      await afterNextPlan("after-return.service");
      expect(running(await rowsOf(names))).toEqual(before);
      expect((await eventsAfter(since)).filter(({ kind }) => DISTURBING.includes(kind))).toEqual([]);

      // The engine dies while there is much to do: what it had begun is finished by the next.
      const engine = machines.get(await engineNow(machines.get("m1")));
      const [through] = machines.others(engine.name);
      const late = numbered("late", 20);
      const units = late.map((unit) => ({ unit, text: SLEEPER }));
      const submitted = through?.client.submit({ units, desired: "launched" });
      await engine.signalDaemon("KILL");
      await submitted;
      await untilActive(machines.get(through?.name).client, late);
      await machines.joined();
      expect(running(await rowsOf(names))).toEqual(before);
    },
    LONG_TEST_MS,
  );

  test("the engine's machine dies: another is elected and moves its units", async () => {
    const names = numbered("moved", 6);
    const before = await machines.launch(names);
    const engine = machines.get(await engineNow(machines.get("m1")));
    const [through = machines.get("m1")] = machines.others(engine.name);
    const since = await lastEvent();
    await engine.cutPower();
    const elected = await untilEvent(through.client, ({ kind }) => kind === "engine-elected", since);
    expect(elected.machineName).not.toBe(engine.name);
    await untilActive(through.client, names, (machine) => machine !== engine.name);
    const after = (await through.client.units({ units: names })).units;
    const staying = before.filter(({ machineName }) => machineName !== engine.name).map(({ unit }) => unit);
    const those = (rows: readonly UnitRow[]): readonly UnitRow[] =>
      rows.filter(({ unit }) => staying.includes(unit));
    expect(running(those(after))).toEqual(running(those(before)));
  });

  test.each(["list-units", "list-machines"])("%s says that what it shows may be old", async (command) => {
    const machine = machines.get("m2");
    await machines.etcd.kill();
    await until("m2 knows", async () => !(await machine.client.cluster()).connected);
    expect((await machine.flotilla([command])).stderr).toContain("this is what was known last");
    await machines.etcd.restart();
    await until("m2 knows", async () => (await machine.client.cluster()).connected);
    await machines.joined();
    expect((await machine.flotilla([command])).stderr).not.toContain("this is what was known last");
  });

  test("a machine that boots while the store is away starts what it had", async () => {
    const names = numbered("kept", 3);
    const before = await machines.launch(names);
    const [row] = before.filter(({ machineName }) => machineName === "m3");
    await machines.etcd.kill();
    const machine = machines.get("m3");
    await machine.cutPower();
    await machine.switchOn();
    await until(
      "its unit",
      async () => (await machine.run("systemctl", "is-active", row?.unit ?? "")).stdout === "active\n",
    );
    await machines.etcd.restart();
    await machines.joined();
    await untilActive(machines.get("m1").client, names);
  });

  /** A global unit is everywhere once the engine has planned and every agent has acted on all that happened before. */
  async function afterNextPlan(unit: string): Promise<void> {
    const { client } = machines.get("m1");
    await client.submit({
      units: [{ unit, text: `${SLEEPER}[X-Fleet]\nGlobal=true\n` }],
      desired: "launched",
    });
    await untilUnits(client, [unit], (rows) => {
      const all = rows.get(unit) ?? [];
      return all.length === machines.all.length && all.every(({ active }) => active === "active");
    });
  }
});
