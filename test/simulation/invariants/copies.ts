/** How many machines run a unit: more than one for a short while after trouble only. Of strict ones see witness.ts. */
import type { Troubles } from "../faults.ts";
import type { SimulatedMachine } from "../machine.ts";
import { specOf } from "../workload.ts";
import type { Watcher, World } from "../world.ts";
import { isOnItsWay } from "./assignments.ts";

/** A lease must end, or the store be heard again, before a second copy is known of; then it takes as long as a stop. */
const OVERLAP_MAX_MS = 12_000;

export function watchCopies(world: World, troubles: Troubles): Watcher {
  const doubledSince = new Map<string, number>();
  return {
    onSettled: () => {
      const runners = whoRuns(world);
      for (const unit of doubledSince.keys())
        if ((runners.get(unit)?.length ?? 0) < 2) doubledSince.delete(unit);
      for (const [unit, machines] of runners) {
        if (machines.length < 2 || specOf(unit)?.global === true) continue;
        const ids = machines.map(({ id }) => id);
        if (isOnItsWay(world.history.view, unit, ids)) {
          doubledSince.delete(unit);
          continue;
        }
        const sinceMs = doubledSince.get(unit) ?? world.nowMs;
        doubledSince.set(unit, sinceMs);
        const countsFromMs = Math.max(sinceMs, troubles.quietSinceMs(machines));
        if (world.nowMs - countsFromMs <= OVERLAP_MAX_MS) continue;
        world.fail("a second copy does not last", `${unit} runs on ${namesOf(machines)}`);
      }
    },
  };
}

function whoRuns(world: World): ReadonlyMap<string, readonly SimulatedMachine[]> {
  const runners = new Map<string, SimulatedMachine[]>();
  for (const machine of world.machines) {
    for (const unit of machine.running()) runners.set(unit, [...(runners.get(unit) ?? []), machine]);
  }
  return runners;
}

function namesOf(machines: readonly SimulatedMachine[]): string {
  return machines.map((machine) => machine.name).join(" and ");
}
