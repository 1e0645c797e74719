/** What must be true whenever a unit starts or stops on a machine, by what that machine has on its disk. */
import { parseKey } from "#model/keys.ts";
import type { Troubles } from "../faults.ts";
import type { SimulatedMachine } from "../machine.ts";
import { specOf } from "../workload.ts";
import type { Watcher, World } from "../world.ts";

/** The last run of a unit on a machine. */
interface Run {
  /** As the machine's disk had it when the start was asked for. */
  readonly launch: number;
  readonly file: string;
}

/** How long an engine may take to learn that a oneshot has finished and to take it off another machine. */
const OUTCOME_LAG_MS = 10_000;

export function watchRuns(world: World, troubles: Troubles): Watcher {
  const runs = new Map<string, Run>();
  /** When the store had the outcome of `unit launch`. */
  const finishedMs = new Map<string, number>();
  return {
    onStart(machine, unit) {
      const run = checkStart(world, machine, unit);
      if (run === undefined) return;
      runs.set(`${machine.id} ${unit}`, run);
      if (specOf(unit)?.global !== true)
        checkFinished(world, troubles, machine, unit, run.launch, finishedMs);
    },
    onStop(machine, unit) {
      const run = runs.get(`${machine.id} ${unit}`);
      if (run !== undefined && machine.running().includes(unit)) checkStop(world, machine, unit, run);
    },
    onRevision({ changes }, after) {
      for (const { key } of changes) {
        const { kind, first = "" } = parseKey(key) ?? {};
        const outcome = kind === "outcome" ? after.outcomes.get(first) : undefined;
        if (outcome !== undefined) finishedMs.set(`${first} ${outcome.launch}`, world.nowMs);
      }
    },
  };
}

/** Nothing is started that is not on the disk as launched. */
function checkStart(world: World, machine: SimulatedMachine, unit: string): Run | undefined {
  const applied = machine.disk.memory.applied[unit];
  if (applied?.desired === "launched" && !applied.completed) {
    return { launch: applied.launch, file: applied.file };
  }
  const found = JSON.stringify(applied);
  world.fail("what is started is on the disk first", `${unit} on ${machine.name}: ${found}`);
  return undefined;
}

/** A oneshot that is known to have finished, here or in the store, is not started for the same launch. */
function checkFinished(
  world: World,
  troubles: Troubles,
  machine: SimulatedMachine,
  unit: string,
  launch: number,
  finishedMs: ReadonlyMap<string, number>,
): void {
  const run = `${unit} ${launch}`;
  const toldMs = finishedMs.get(run) ?? Number.POSITIVE_INFINITY;
  const knownForMs = world.nowMs - Math.max(toldMs, troubles.quietSinceMs([machine]));
  if (!machine.disk.finished.has(run) && knownForMs <= OUTCOME_LAG_MS) return;
  world.fail("a finished oneshot is not run again", `${unit} on ${machine.name}, launch ${launch}`);
}

/** Fail static: a unit is stopped only when the last assignment the machine knows asks for something else. */
function checkStop(world: World, machine: SimulatedMachine, unit: string, run: Run): void {
  // A machine whose disk is full stops what it must without writing it down.
  if (specOf(unit)?.strict === true || machine.disk.full) return;
  const assignment = machine.disk.memory.assignments[unit];
  const unchanged =
    assignment?.desired === "launched" && assignment.launch === run.launch && assignment.file === run.file;
  if (unchanged) world.fail("nothing is stopped unasked", `${unit} on ${machine.name}`);
}
