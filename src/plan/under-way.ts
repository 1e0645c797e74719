/** What happens to a unit at this moment, in a sentence: it starts, stops, or goes to another machine. Pure. */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import type { UnitState } from "#model/records.ts";
import { type UnitOnMachine, whereUnitIs } from "#model/units.ts";

/** Undefined for a unit that has come to rest, and where no machine has anything of it. */
export function underWay(view: ClusterView, unit: string): string | undefined {
  const places = whereUnitIs(view, unit).filter(({ machine }) => view.machines.has(machine));
  const assigned = places.filter(({ assignment }) => assignment !== undefined);
  const leaving = places.filter(({ assignment, state }) => assignment === undefined && isUp(state));
  const name = ({ machine }: UnitOnMachine): string => nameOfMachine(view, machine);
  const arriving = assigned.find(({ assignment }) => assignment?.movesFrom !== undefined);
  if (arriving !== undefined) {
    const from = nameOfMachine(view, arriving.assignment?.movesFrom ?? "");
    const there = phaseOf(arriving) ?? "is active";
    return `it moves from ${from}, where it runs until then, to ${name(arriving)}, where it ${there}: ${reasonOf(arriving)}`;
  }
  const [old] = leaving;
  const [place, ...more] = assigned;
  if (old !== undefined) {
    const next = place === undefined || isAt(place) ? "" : ` before it starts on ${name(place)}`;
    return `it is being stopped on ${name(old)}${next}`;
  }
  if (place === undefined || more.length > 0) return undefined;
  const phase = phaseOf(place);
  return phase === undefined ? undefined : `it ${phase} on ${name(place)}: ${reasonOf(place)}`;
}

function reasonOf({ assignment }: UnitOnMachine): string {
  return assignment?.reason ?? "nobody asked for it to be there";
}

/** Whether its machine has carried out what it was given last. */
function isAt({ assignment, state }: UnitOnMachine): boolean {
  return state?.launch === assignment?.launch && state?.file === assignment?.file;
}

function isUp(state: UnitState | undefined): boolean {
  return state !== undefined && state.active !== "inactive" && state.active !== "failed";
}

/** Undefined for a copy that is as it shall be, or has ended by itself. */
function phaseOf(place: UnitOnMachine): string | undefined {
  const { assignment, state } = place;
  if (assignment?.desired !== "launched") {
    if (!isUp(state)) return undefined;
    return state?.launch === 0 ? "runs, since another unit has started it," : "is being stopped";
  }
  if (!isAt(place)) return isUp(state) ? "is about to be started anew" : "is about to be started";
  if (state?.active === "activating")
    return state.sub.startsWith("auto-restart") ? "waits to be restarted" : `is starting (${state.sub})`;
  return state?.active === "deactivating" ? `is stopping (${state.sub})` : undefined;
}
