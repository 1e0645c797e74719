/** What becomes of units when machines of a real cluster die, hang, lose each other or are changed: each rule once. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { UnitRow } from "#api/bodies.ts";
import { untilActive, untilUnits } from "../cluster/following.ts";
import { running, SLEEPER } from "../cluster/units.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines, until } from "./machines.ts";

/** As by default: a daemon that is started again on a busy computer is back within it. */
const TTL_S = 5;
/** From the end of a lease to active units elsewhere, on a computer that does much else. */
const MOVE_MS = 5_000;
const STRICT = "[X-Flotilla]\nFailover=strict\n";

describe.runIf(canBootMachines)("three machines, one of which", () => {
  let machines: Machines;
  beforeAll(async () => {
    machines = await Machines.start({
      count: 3,
      skewable: true,
      stateBytes: { m3: 32 << 20 },
    });
  }, BOOT_TIMEOUT_MS);
  afterEach(() => machines.reset());
  afterAll(() => machines.stop());

  const numbered = (prefix: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}.service`);
  const rowsOf = async (names: readonly string[]): Promise<readonly UnitRow[]> =>
    (await machines.get("m1").client.units({ units: names })).units;
  const isActiveOn = async (machine: string, unit: string): Promise<boolean> =>
    (await machines.get(machine).run("systemctl", "is-active", unit)).stdout === "active\n";
  /** Of `names` those that run on the machine, as its own systemd has it. */
  const runningOn = async (machine: string, names: readonly string[]): Promise<readonly string[]> => {
    const there = await Promise.all(names.map((name) => isActiveOn(machine, name)));
    return names.filter((_, index) => there[index]);
  };
  const eventually = async (names: readonly string[]): Promise<void> => {
    await machines.joined();
    await untilActive(machines.get("m1").client, names);
    const copies = await Promise.all(machines.names.map((name) => runningOn(name, names)));
    expect(copies.flat().toSorted()).toEqual([...names].toSorted());
  };

  /** A sleeper for this machine alone. */
  const pinnedTo = async (name: string): Promise<string> => {
    const list = (await machines.get("m1").client.machines()).machines;
    return `${SLEEPER}[X-Fleet]\nMachineID=${list.find((machine) => machine.name === name)?.machine}\n`;
  };

  test("dies: 35 units are active on the others within the lease and five seconds", async () => {
    const names = numbered("mobile", 35);
    const before = await machines.launch(names);
    const staying = before.filter(({ machineName }) => machineName !== "m2");
    const moved = untilActive(machines.get("m1").client, names, (machine) => machine !== "m2");
    const cutMs = performance.now();
    await machines.get("m2").cutPower();
    await moved;
    expect(performance.now() - cutMs).toBeLessThan(TTL_S * 1000 + MOVE_MS);
    const after = (await rowsOf(names)).filter(({ unit }) => staying.some((row) => row.unit === unit));
    expect(running(after)).toEqual(running(staying));
  });

  test.each([
    { direction: "both", what: "neither hears nor is heard" },
    { direction: "in", what: "is heard and hears nothing" },
    { direction: "out", what: "hears and is not heard" },
  ] as const)("$what: its units move, and when it is back each runs once", async ({ direction }) => {
    const names = numbered("parted", 6);
    const before = await machines.launch(names);
    expect(before.some(({ machineName }) => machineName === "m2")).toBe(true);
    const lone = machines.get("m2");
    await lone.cutFrom(machines.all, direction);
    await untilActive(machines.get("m1").client, names, (machine) => machine !== "m2");
    // Units that may run twice go on where nobody can be asked; who still hears learns that they are others' now.
    const left = before.filter(({ machineName }) => machineName === "m2").map(({ unit }) => unit);
    if (direction !== "out") expect(await runningOn("m2", left)).toEqual(left);
    await lone.heal();
    await eventually(names);
  });

  test("hears the store and not the third: nothing moves", async () => {
    const names = numbered("half", 6);
    const before = running(await machines.launch(names));
    await machines.get("m2").cutFrom([machines.get("m3")]);
    await sleep(2 * TTL_S * 1000);
    expect(running(await rowsOf(names))).toEqual(before);
  });

  test("is paused for longer than its lease: its units move, and when it goes on each runs once", async () => {
    const names = numbered("paused", 6);
    await machines.launch(names);
    machines.get("m2").pause();
    await untilActive(machines.get("m1").client, names, (machine) => machine !== "m2");
    machines.get("m2").resume();
    await eventually(names);
  });

  test("loses packets both ways: nothing moves and a unit still starts", async () => {
    const names = numbered("lossy", 6);
    const before = running(await machines.launch(names));
    await machines.get("m2").lose(3);
    await sleep(2 * TTL_S * 1000);
    await machines.launch(["late.service"]);
    expect(running(await rowsOf(names))).toEqual(before);
  });

  test.each(["m1", "m2"])(
    "is suddenly far away (%s): nothing moves, strict units neither, and others start there",
    async (name) => {
      const [loose, strict] = [numbered("far", 6), numbered("far-strict", 3)];
      const all = [...loose, ...strict];
      await machines.launch(loose);
      await machines.launch(strict, `${SLEEPER}${STRICT}`);
      const before = running(await rowsOf(all));
      await machines.get(name).delay({ delayMs: 100, jitterMs: 0 });
      await sleep(TTL_S * 1000);
      await machines.get(name).delay({ delayMs: 250, jitterMs: 80 });
      await sleep(2 * TTL_S * 1000);
      const late = await machines.launch(numbered("late", 3));
      expect(late.map(({ machineName }) => machineName).toSorted()).toEqual(machines.names);
      expect(running(await rowsOf(all))).toEqual(before);
    },
    60_000,
  );

  test.each(["m1", "m2"])(
    "has its daemon killed (%s): units keep their processes, and nothing moves",
    async (name) => {
      const names = numbered("crash", 9);
      const before = running(await machines.launch(names));
      const machine = machines.get(name);
      const pid = await machine.mainPid("flotilla.service");
      await machine.signalDaemon("KILL");
      await sleep(2 * TTL_S * 1000);
      await machines.joined();
      expect(await machine.mainPid("flotilla.service")).not.toBe(pid);
      expect(running(await rowsOf(names))).toEqual(before);
      const events = await machines.get("m1").client.events();
      expect(events.filter(({ kind, unit }) => kind === "unit-moved" && names.includes(unit ?? ""))).toEqual(
        [],
      );
    },
  );

  test("has its clock set an hour ahead, then two hours back: nothing moves, and units start there", async () => {
    const names = numbered("clock", 6);
    const before = running(await machines.launch(names));
    for (const seconds of [3600, -3600, 0]) {
      await machines.get("m2").skewClock(seconds);
      await sleep(1.4 * TTL_S * 1000);
      const late = await machines.launch(numbered(`clock-${seconds}`, 3));
      expect(late.map(({ machineName }) => machineName)).toContain("m2");
      expect(running(await rowsOf(names))).toEqual(before);
    }
  }, 60_000);

  test("dies while the clocks of the others are two hours apart: its units move, strict ones too", async () => {
    const names = numbered("apart", 6);
    await machines.get("m1").skewClock(3600);
    await machines.get("m3").skewClock(-3600);
    await machines.launch(names, `${SLEEPER}${STRICT}`);
    await machines.get("m2").cutPower();
    await untilActive(machines.get("m1").client, names, (machine) => machine !== "m2");
  });

  test.each([
    { days: -40, says: "certificate is not yet valid" },
    { days: 100, says: "certificate has expired" },
  ])(
    "is started with its clock $days days off: it says so, what runs runs on, and it is back once the clock is set",
    async ({ days, says }) => {
      const names = numbered("dated", 3);
      const wrong = machines.get("m2");
      const before = running(await machines.launch(names, await pinnedTo("m2")));
      await wrong.skewClock(days * 86_400);
      await wrong.must("systemctl", "restart", "flotilla");
      await until("what is wrong", async () =>
        (await wrong.must("journalctl", "--no-pager", "-u", "flotilla")).includes(says),
      );
      await machines.joined(["m1", "m3"]);
      expect(await runningOn("m2", names)).toEqual(names);
      await wrong.skewClock(0);
      await machines.joined();
      await untilActive(machines.get("m1").client, names, (machine) => machine === "m2");
      expect(running(await rowsOf(names))).toEqual(before);
    },
  );

  test("has renewed its certificate by a clock 70 days ahead: it takes the one before once the clock is set", async () => {
    const wrong = machines.get("m2");
    const names = numbered("ahead", 3);
    const before = running(await machines.launch(names, await pinnedTo("m2")));
    const said = (): Promise<string> => wrong.must("journalctl", "--no-pager", "-u", "flotilla");
    await wrong.skewClock(70 * 86_400);
    await wrong.must("systemctl", "restart", "flotilla");
    await until("the renewal", async () => (await said()).includes("renewed this machine's certificate"));
    await wrong.skewClock(0);
    await wrong.must("systemctl", "restart", "flotilla");
    await until("the old one", async () => (await said()).includes("the one before is used again"));
    await machines.joined();
    await untilActive(machines.get("m1").client, names, (machine) => machine === "m2");
    expect(running(await rowsOf(names))).toEqual(before);
  });

  test("has a full disk: what runs runs on, and what is to start there does once there is space", async () => {
    const names = numbered("full", 3);
    const before = running(await machines.launch(names));
    const { client } = machines.get("m1");
    const full = machines.get("m3");
    await full.fillDisk();
    const text = await pinnedTo("m3");
    await client.submit({ units: [{ unit: "squeezed.service", text }], desired: "launched" });
    await untilUnits(
      client,
      ["squeezed.service"],
      (rows) => (rows.get("squeezed.service")?.[0]?.message ?? null) !== null,
    );
    expect(running(await rowsOf(names))).toEqual(before);
    await full.freeDisk();
    await untilActive(client, ["squeezed.service"], (machine) => machine === "m3");
    expect(running(await rowsOf(names))).toEqual(before);
  });

  test("is given other metadata: the units that asked for it move to who has it", async () => {
    const { client } = machines.get("m1");
    await machines.get("m1").must("flotilla", "machine", "metadata", "m2", "disk=ssd");
    await machines.launch(["picky.service"], `${SLEEPER}[X-Fleet]\nMachineMetadata=disk=ssd\n`);
    await untilActive(client, ["picky.service"], (machine) => machine === "m2");
    await machines.get("m3").must("flotilla", "machine", "metadata", "m3", "disk=ssd");
    await machines.get("m2").must("flotilla", "machine", "metadata", "m2", "disk-");
    await untilActive(client, ["picky.service"], (machine) => machine === "m3");
    await machines.get("m1").must("flotilla", "machine", "metadata", "m3", "disk-");
  });

  test("submits a template anew: new instances have its text, the others when they are replaced", async () => {
    const home = machines.get("m1");
    const text = (word: string): string =>
      `[Service]\nExecStart=/bin/sh -c 'echo ${word}; exec sleep infinity'\n`;
    const cat = (unit: string): Promise<string> => home.must("flotilla", "cat", unit);
    await home.write("/root/web@.service", text("first"));
    await home.must("flotilla", "start", "/root/web@1.service", "/root/web@2.service");
    await home.write("/root/web@.service", text("second"));
    await home.must("flotilla", "submit", "--replace", "/root/web@.service");
    await home.must("flotilla", "start", "web@3.service");
    await home.must("cp", "/root/web@.service", "/root/web@1.service");
    await home.must("flotilla", "start", "--replace", "/root/web@1.service");
    const units = ["web@1.service", "web@2.service", "web@3.service"];
    expect(await Promise.all(units.map(cat))).toEqual([text("second"), text("first"), text("second")]);
    await untilActive(home.client, units);
    const written = await home.must("flotilla", "journal", "-n", "all", "-o", "cat", "web@1.service");
    expect(written).toMatch(/first[\s\S]*second/);
  });

  test("is a container all the same: monotonic time is this host's", async () => {
    // What skewClock does not reach; were it otherwise, time bounds of these tests would mean nothing.
    const [seconds = "0"] = (await machines.get("m2").must("cat", "/proc/uptime")).split(" ");
    const [here = "0"] = readFileSync("/proc/uptime", "utf8").split(" ");
    expect(Math.abs(Number(seconds) - Number(here))).toBeLessThan(5);
  });
});
