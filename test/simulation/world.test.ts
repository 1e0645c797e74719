import { expect, test } from "vitest";
import { submitUnits } from "#api/unit-requests.ts";
import { World } from "./world.ts";

const machines = [1, 2, 3].map((rack) => ({ metadata: { rack: String(rack) }, memoryBytes: 2 ** 30 }));
const PLAIN = "[Service]\nExecStart=/bin/true\n";

function makeWorld(seed: number): World {
  return new World({ seed, machines, behaviour: () => () => ({ kind: "serve" }) });
}

function whereRunning(world: World): Record<string, string> {
  return Object.fromEntries(
    world.machines.flatMap((machine) => machine.running().map((unit) => [unit, machine.name])),
  );
}

test("a cluster starts, runs units, and survives the death of a machine", async () => {
  const world = makeWorld(1);
  await world.start();
  await world.run(2_000);
  const names = ["a", "b", "c", "d", "e", "f"].map((name) => `${name}.service`);
  const api = world.machines[0]?.daemon?.api;
  if (api === undefined) throw new Error("no daemon");
  const results = submitUnits(
    names.map((unit) => ({ unit, text: PLAIN })),
    { desired: "launched", replace: false },
    api,
  );
  await world.run(2_000);
  expect((await results).map((result) => result.status)).toEqual(names.map(() => "changed"));
  expect(Object.keys(whereRunning(world)).sort()).toEqual(names);
  const dead = world.machines[1];
  dead?.cutPower();
  expect(Object.keys(whereRunning(world))).not.toEqual(names);
  await world.run(10_000);
  expect(Object.keys(whereRunning(world)).sort()).toEqual(names);
  expect(dead?.running()).toEqual([]);
  await world.end();
});
