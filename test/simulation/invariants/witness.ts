/**
 * A lock on storage that all machines share, which each copy of a strict unit holds while it runs: never two, and
 * whoever gets it later has a higher token. A machine of which nothing runs, because all of it is stopped, holds nothing
 * then; when it goes on, what has outlived its time is killed in the same moment.
 */
import type { SimulatedMachine } from "../machine.ts";
import { specOf } from "../workload.ts";
import type { Watcher, World } from "../world.ts";

const SAME_MOMENT_MS = 0.1;

interface LastHolder {
  readonly machine: SimulatedMachine;
  readonly token: bigint;
}

export function watchWitness(world: World): Watcher {
  const last = new Map<string, LastHolder>();
  return {
    onStatus: (machine, unit, status) => {
      if (specOf(unit)?.strict !== true || status?.active !== "active") return;
      if (isAboutToBeKilled(world, machine, unit)) return;
      checkToken(world, last, machine, unit);
    },
    onSettled: () => {
      for (const [unit, machines] of holders(world)) {
        if (machines.length < 2) continue;
        const names = machines.map(({ name }) => name).join(" and ");
        world.fail("a strict unit never runs twice", `${unit} runs on ${names}`);
      }
    },
  };
}

function checkToken(
  world: World,
  last: Map<string, LastHolder>,
  machine: SimulatedMachine,
  unit: string,
): void {
  const token = BigInt(machine.tokenOf(unit) ?? "-1");
  const before = last.get(unit);
  if (before !== undefined && before.machine !== machine && token <= before.token) {
    const text = `${unit} on ${machine.name} has ${token}, and had ${before.token} on ${before.machine.name}`;
    world.fail("a later copy has a higher token", text);
  }
  last.set(unit, { machine, token });
}

/** All that ran there was stopped beyond the unit's time and has gone on in this moment. */
function isAboutToBeKilled(world: World, machine: SimulatedMachine, unit: string): boolean {
  return world.nowMs - machine.wentOnMs < SAME_MOMENT_MS && machine.mayRunUntilMs(unit) <= world.nowMs;
}

function holders(world: World): ReadonlyMap<string, readonly SimulatedMachine[]> {
  const holders = new Map<string, SimulatedMachine[]>();
  for (const machine of world.machines) {
    if (machine.paused) continue;
    for (const unit of machine.running()) {
      if (specOf(unit)?.strict !== true) continue;
      if (isAboutToBeKilled(world, machine, unit)) continue;
      holders.set(unit, [...(holders.get(unit) ?? []), machine]);
    }
  }
  return holders;
}
