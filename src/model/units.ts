/** Questions about a unit that several parts ask of the cluster's state. */
import type { ClusterView } from "./cluster-state.ts";
import type { Assignment, UnitState } from "./records.ts";

/** A unit on one machine: what it shall be there and, where the machine has said so, what it is. */
export interface UnitOnMachine {
  readonly machine: string;
  readonly assignment: Assignment | undefined;
  readonly state: UnitState | undefined;
}

/** Every machine that has the unit, or shall have it, in order of machine ID. */
export function whereUnitIs(view: ClusterView, unit: string): readonly UnitOnMachine[] {
  const machines = new Set<string>();
  for (const [machine, units] of view.assignments) if (units.has(unit)) machines.add(machine);
  for (const [machine, units] of view.states) if (units.has(unit)) machines.add(machine);
  return [...machines].sort().map((machine) => ({
    machine,
    assignment: view.assignments.get(machine)?.get(unit),
    state: view.states.get(machine)?.get(unit),
  }));
}
