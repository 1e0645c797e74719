/**
 * Machines that are emptied: those the operator drains, and those that say that they are about to go. What is there
 * leaves for other machines, global units last; what fits on no other stays, unless the drain is forced or its time is up.
 */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import { STORE_UNIT_PREFIX } from "#model/keys.ts";
import type { Draft } from "./draft.ts";

export interface MachineDrain {
  /** What fits on no other machine is stopped. */
  readonly force: boolean;
  /** Its time is up: nothing is waited for any more. */
  readonly overdue: boolean;
  readonly reason: string;
}

/** The present machines that are drained, by ID. */
export function readDrains(view: ClusterView): ReadonlyMap<string, MachineDrain> {
  const drains = new Map<string, MachineDrain>();
  for (const { id, leaving } of view.machines.values()) {
    const drain = view.machineConfigs.get(id)?.drain;
    if (drain === undefined && leaving !== true) continue;
    const name = nameOfMachine(view, id);
    const overdue = drain?.untilMs !== undefined && !view.drainDeadlines.has(id);
    drains.set(id, {
      force: overdue || (drain?.force ?? false),
      overdue,
      reason: drain === undefined ? `${name} is shutting down` : `${name} is drained`,
    });
  }
  return drains;
}

/** Members of the store have their data on their machine, and moving one is `flotilla store`'s. */
export function isStoreMember(unit: string): boolean {
  return unit.startsWith(STORE_UNIT_PREFIX);
}

/** What has finished has nothing to go on with elsewhere. */
export function leaveFinished(draft: Draft): void {
  for (const { unit, finished, homes } of draft.standings.values()) {
    const machine = draft.scheduler.machine(homes[0]?.machine ?? "");
    if (!finished || machine === undefined || !draft.drains.has(machine.facts.id)) continue;
    draft.scheduler.remove(unit, machine);
    draft.leaving.set(unit, { reason: "it has finished" });
  }
}

/** Global units serve the others, so that they go when nothing else is left that can. */
export function stopGlobalUnits(draft: Draft): void {
  for (const [machine, drain] of draft.drains) {
    const scheduled = draft.scheduler.machine(machine);
    if (scheduled === undefined || (!drain.overdue && hasOthers(draft, machine))) continue;
    for (const [unit, placement] of scheduled.units) {
      if (!placement.global) continue;
      draft.scheduler.remove(unit, scheduled);
      draft.leaving.set(unit, { reason: drain.reason });
    }
  }
}

function hasOthers({ view, standings }: Draft, machine: string): boolean {
  const units = [...(view.assignments.get(machine)?.keys() ?? [])];
  return units.some((unit) => standings.get(unit)?.placement?.global !== true && !isStoreMember(unit));
}
