/** fleet's functional cases on where units go (scheduling_test.go, metadata_test.go), on real machines. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { UnitRow } from "#api/bodies.ts";
import type { FlotillaClient } from "#client/client.ts";
import { untilActive, untilUnits } from "../../cluster/following.ts";
import { SLEEPER } from "../../cluster/units.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines } from "../machines.ts";

const NAMES = ["m1", "m2", "m3"];

/** A sleeper with these lines in `[X-Fleet]`. */
const fleet = (...lines: readonly string[]): string => `${SLEEPER}[X-Fleet]\n${lines.join("\n")}\n`;

const numbered = (pattern: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => pattern.replace("N", String(index + 1)));

describe.runIf(canBootMachines)("three machines", () => {
  let machines: Machines;
  let client: FlotillaClient;

  beforeAll(async () => {
    machines = await Machines.start({
      count: 3,
      settings: { "lease-ttl": "3" },
      settingsOf: Object.fromEntries(NAMES.map((name) => [name, { metadata: `hostname=${name}` }])),
    });
    client = machines.get("m1").client;
  }, BOOT_TIMEOUT_MS);
  afterEach(() => machines.reset());
  afterAll(() => machines.stop());

  const submit = async (units: Readonly<Record<string, string>>): Promise<void> => {
    const entries = Object.entries(units).map(([unit, text]) => ({ unit, text }));
    const results = await client.submit({ units: entries, desired: "launched" });
    expect(results.filter(({ error }) => error !== null)).toEqual([]);
  };
  const rowsOf = async (names: readonly string[]): Promise<readonly UnitRow[]> =>
    (await client.units({ units: names })).units;
  const active = (rows: readonly UnitRow[]): readonly UnitRow[] =>
    rows.filter((row) => row.active === "active");
  const placesOf = (rows: readonly UnitRow[]): ReadonlyMap<string, string | null> =>
    new Map(rows.map((row) => [row.unit, row.machineName]));

  test("TestScheduleMachineOf: units that follow others are where those are, and move with them", async () => {
    const pings = numbered("ping.N.service", 3);
    const pongs = numbered("pong.N.service", 3);
    await submit(Object.fromEntries(pings.map((name) => [name, fleet("Conflicts=ping.*")])));
    await submit(Object.fromEntries(pongs.map((name, index) => [name, fleet(`MachineOf=${pings[index]}`)])));
    await untilActive(client, [...pings, ...pongs]);
    const before = placesOf(await rowsOf([...pings, ...pongs]));
    for (const [index, ping] of pings.entries())
      expect(before.get(pongs[index] ?? "")).toBe(before.get(ping));
    expect(new Set(before.values()).size).toBe(3);

    // Room for the pair to go to: only then can it.
    const staying = pings.findIndex((name) => before.get(name) === "m1");
    await client.change("destroy", [pings[staying] ?? "", pongs[staying] ?? ""]);
    const moving = pings.findIndex((name) => before.get(name) === "m3");
    await machines.get("m3").cutPower();
    const pair = [pings[moving] ?? "", pongs[moving] ?? ""];
    await untilActive(client, pair, (machine) => machine === "m1");
  });

  test("TestScheduleConflicts: of five that conflict three run, one on each machine; five are known", async () => {
    const names = numbered("conflict.N.service", 5);
    await submit(Object.fromEntries(names.map((name) => [name, fleet("Conflicts=conflict.*")])));
    const rows = await untilUnits(client, names, (now) => active([...now.values()].flat()).length === 3);
    const running = active([...rows.values()].flat());
    expect(running.map((row) => row.machineName).sort()).toEqual(NAMES);
    const { unitFiles } = await client.unitFiles();
    expect(unitFiles.map(({ unit }) => unit)).toEqual(names);
    const waiting = names.find((name) => running.every((row) => row.unit !== name)) ?? "";
    const why = await machines.get("m2").flotilla(["why", waiting]);
    expect(why.stdout).toMatch(/has conflict\.\d\.service, which the unit conflicts with/);
  });

  test("TestScheduleOneWayConflict: one side's word is enough, and the place is taken once it is free", async () => {
    // One machine alone can take either.
    const here = "MachineMetadata=hostname=m2";
    await submit({ "blocker.service": fleet("Conflicts=blocked.*", here) });
    await untilActive(client, ["blocker.service"]);
    await submit({ "blocked.service": fleet(here) });
    const rows = await untilUnits(
      client,
      ["blocked.service"],
      (now) => (now.get("blocked.service")?.[0]?.unplaced ?? null) !== null,
    );
    expect(
      rows
        .get("blocked.service")?.[0]
        ?.unplaced?.refusals.map(({ text }) => text)
        .join(),
    ).toContain("blocker.service");
    await client.change("destroy", ["blocker.service"]);
    await untilActive(client, ["blocked.service"], (machine) => machine === "m2");
  });

  test("TestScheduleMultipleConflicts: all lines of Conflicts= count", async () => {
    const others = ["a", "b", "c"];
    const units = others.map((name): [string, string] => [
      `${name}.service`,
      fleet(...others.filter((other) => other !== name).map((other) => `Conflicts=${other}.service`)),
    ]);
    await submit(Object.fromEntries(units));
    const rows = await untilActive(client, ["a.service", "b.service", "c.service"]);
    expect([...placesOf([...rows.values()].flat()).values()].sort()).toEqual(NAMES);
  });

  test("TestScheduleReplace: a unit takes another's place, which goes elsewhere; four run", async () => {
    const names = numbered("placed.N.service", 3);
    await submit(Object.fromEntries(names.map((name) => [name, fleet("Conflicts=placed.*")])));
    await untilActive(client, names);
    await submit({ "other.service": fleet("MachineMetadata=hostname=m1") });
    await untilActive(client, ["other.service"], (machine) => machine === "m1");
    const pinned = ["Replaces=other.service", "MachineMetadata=hostname=m1"];
    // What was there may run anywhere else, once it is told to.
    await client.submit({
      units: [{ unit: "other.service", text: fleet() }],
      desired: "launched",
      replace: true,
    });
    await untilActive(client, ["other.service"]);
    await submit({ "newcomer.service": fleet(...pinned) });
    const rows = await untilActive(client, ["newcomer.service", "other.service"]);
    const places = placesOf([...rows.values()].flat());
    expect(places.get("newcomer.service")).toBe("m1");
    await untilActive(client, ["other.service"], (machine) => machine !== "m1");
    expect(active(await rowsOf([...names, "other.service", "newcomer.service"])).length).toBe(5);
  });

  test("TestScheduleCircularReplace: of two that replace each other one runs, and goes on running", async () => {
    const here = "MachineMetadata=hostname=m2";
    await submit({ "first.service": fleet("Replaces=second.service", here) });
    await untilActive(client, ["first.service"]);
    const [before] = await rowsOf(["first.service"]);
    await submit({ "second.service": fleet("Replaces=first.service", here) });
    await untilUnits(
      client,
      ["second.service"],
      (now) => (now.get("second.service")?.[0]?.unplaced ?? null) !== null,
    );
    const rows = await rowsOf(["first.service", "second.service"]);
    expect(active(rows).map(({ unit, mainPid }) => [unit, mainPid])).toEqual([
      ["first.service", before?.mainPid],
    ]);
  });

  test("TestScheduleConditionMachineID: units that name a machine by its ID are on it", async () => {
    const list = (await client.machines()).machines;
    const units = list.map(({ machine, name }): [string, string] => [
      `at-${name}.service`,
      fleet(`MachineID=${machine}`),
    ]);
    await submit(Object.fromEntries(units));
    await untilActive(
      client,
      NAMES.map((name) => `at-${name}.service`),
    );
    const rows = await rowsOf(NAMES.map((name) => `at-${name}.service`));
    for (const row of rows) expect(row.unit).toBe(`at-${row.machineName}.service`);
  });

  test("TestScheduleGlobalUnits: every machine runs one beside the others; status and restart know it", async () => {
    await submit({
      "single.1.service": SLEEPER,
      "single.2.service": SLEEPER,
      "all.service": fleet("Global=true"),
    });
    await untilActive(client, ["single.1.service", "single.2.service"]);
    const isEverywhere = (rows: readonly UnitRow[]): boolean => active(rows).length === 3;
    const rows = await untilUnits(client, ["all.service"], (now) =>
      isEverywhere(now.get("all.service") ?? []),
    );
    expect((rows.get("all.service") ?? []).map((row) => row.machineName).sort()).toEqual(NAMES);
    expect(active(await rowsOf(["single.1.service", "single.2.service", "all.service"])).length).toBe(5);

    const status = await machines.get("m2").flotilla(["status", "all.service"]);
    expect(status.exitCode).toBe(0);
    for (const name of NAMES) expect(status.stdout).toContain(name);
    const before = new Set((rows.get("all.service") ?? []).map((row) => `${row.machineName} ${row.mainPid}`));
    const restarted = await machines.get("m3").flotilla(["restart", "all.service"]);
    expect(restarted.exitCode).toBe(0);
    const after = await rowsOf(["all.service"]);
    expect(isEverywhere(after)).toBe(true);
    expect(after.filter((row) => before.has(`${row.machineName} ${row.mainPid}`))).toEqual([]);
  });

  test("TestScheduleGlobalConflicts: a second global unit that conflicts with the first is started nowhere", async () => {
    await submit({ "one.service": fleet("Global=true") });
    await untilUnits(client, ["one.service"], (now) => active(now.get("one.service") ?? []).length === 3);
    await submit({ "two.service": fleet("Global=true", "Conflicts=one.service") });
    await submit({ "witness.service": fleet("Global=true") });
    // By then every machine has planned with both.
    await untilUnits(
      client,
      ["witness.service"],
      (now) => active(now.get("witness.service") ?? []).length === 3,
    );
    expect(active(await rowsOf(["two.service"]))).toEqual([]);
    expect(active(await rowsOf(["one.service"])).length).toBe(3);
  });

  test("TestTemplatesWithSpecifiersInMetadata: instances go where their name says; one that fits nowhere ends start", async () => {
    const cli = machines.get("m1");
    await cli.write("/root/metadata@.service", fleet("MachineMetadata=hostname=%i"));
    const started = await cli.flotilla(["start", ...NAMES.map((name) => `/root/metadata@${name}.service`)]);
    expect(started.exitCode).toBe(0);
    const rows = await rowsOf(NAMES.map((name) => `metadata@${name}.service`));
    expect(rows.map((row) => [row.unit, row.machineName, row.active])).toEqual(
      NAMES.map((name) => [`metadata@${name}.service`, name, "active"]),
    );
    const nowhere = await cli.flotilla(["start", "--block-attempts=20", "/root/metadata@invalid.service"]);
    expect(nowhere.exitCode).toBe(1);
    expect(nowhere.stderr).toContain("unschedulable");
  });
});
