import { expect, test } from "vitest";
import { submitUnits } from "#api/unit-requests.ts";
import type { SimulatedMachine } from "./machine.ts";
import { World, type WorldOptions } from "./world.ts";

const machines = [1, 2, 3].map((rack) => ({ metadata: { rack: String(rack) }, memoryBytes: 2 ** 30 }));
const SIX = ["a", "b", "c", "d", "e", "f"].map((name) => `${name}.service`);
const PLAIN = "[Service]\nExecStart=/bin/true\n";

function makeWorld(seed: number, options: Partial<WorldOptions> = {}): World {
  return new World({ seed, machines, behaviour: () => () => ({ kind: "serve" }), ...options });
}

/** A world in which six units run. */
async function startSix(options: Partial<WorldOptions> = {}): Promise<World> {
  const world = makeWorld(1, options);
  await world.start();
  await world.run(2_000);
  const api = world.machines[0]?.daemon?.api;
  if (api === undefined) throw new Error("no daemon");
  const results = submitUnits(
    SIX.map((unit) => ({ unit, text: PLAIN })),
    { desired: "launched", replace: false },
    api,
  );
  await world.run(2_000);
  expect((await results).map((result) => result.status)).toEqual(SIX.map(() => "changed"));
  expect(Object.keys(whereRunning(world)).sort()).toEqual(SIX);
  return world;
}

function machineNamed(world: World, name: string): SimulatedMachine {
  const machine = world.machines.find((one) => one.name === name);
  if (machine === undefined) throw new Error(`no machine ${name}`);
  return machine;
}

function whereRunning(world: World): Record<string, string> {
  return Object.fromEntries(
    world.machines.flatMap((machine) => machine.running().map((unit) => [unit, machine.name])),
  );
}

test("a cluster starts, runs units, and survives the death of a machine", async () => {
  const world = await startSix();
  const dead = machineNamed(world, "m2");
  dead.cutPower();
  expect(Object.keys(whereRunning(world))).not.toEqual(SIX);
  await world.run(10_000);
  expect(Object.keys(whereRunning(world)).sort()).toEqual(SIX);
  expect(dead.running()).toEqual([]);
  await world.end();
});

test("a machine that boots without the store starts what it was assigned last", async () => {
  const world = await startSix();
  const machine = machineNamed(world, "m2");
  const had = machine.running();
  expect(had.length).toBeGreaterThan(0);
  world.stopStore();
  machine.cutPower();
  expect(machine.running()).toEqual([]);
  await world.run(1_000);
  machine.start();
  await world.run(4_000);
  expect(machine.running()).toEqual(had);
  await world.end();
});

test("nothing stops and nothing moves while the store is away and when it comes back", async () => {
  const world = await startSix();
  const before = whereRunning(world);
  const stopped: string[] = [];
  world.watchers.push({ onStop: (_machine, unit) => stopped.push(unit) });
  world.stopStore();
  await world.run(120_000);
  world.startStore();
  await world.run(30_000);
  expect(whereRunning(world)).toEqual(before);
  expect(stopped).toEqual([]);
  await world.end();
});

test("the power cut of the machine with the store stops no other machine, and all goes on when it is back", async () => {
  const world = await startSix({ storeOnFirstMachine: true });
  const before = whereRunning(world);
  const first = machineNamed(world, "m1");
  const stopped: string[] = [];
  world.watchers.push({ onStop: (machine, unit) => stopped.push(`${machine.name} ${unit}`) });
  first.cutPower();
  expect(world.server.store).toBe(undefined);
  const elsewhere = Object.entries(before).filter(([, machine]) => machine !== "m1");
  await world.run(60_000);
  expect(whereRunning(world)).toEqual(Object.fromEntries(elsewhere));
  first.start();
  await world.run(20_000);
  // Leases were given their time anew, and the first machine takes its place at once: nothing has to move.
  expect(whereRunning(world)).toEqual(before);
  expect(stopped).toEqual([]);
  await world.end();
});

test("the death of the daemon with the store alone moves nothing", async () => {
  const world = await startSix({ storeOnFirstMachine: true });
  const before = whereRunning(world);
  const first = machineNamed(world, "m1");
  first.killDaemon();
  await world.run(30_000);
  expect(whereRunning(world)).toEqual(before);
  first.start();
  await world.run(20_000);
  expect(whereRunning(world)).toEqual(before);
  await world.end();
});
