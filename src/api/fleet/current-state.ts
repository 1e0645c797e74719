/** fleet's current state of a unit: which machine it is on, and how far it has come there. Pure. */
import type { DesiredState, UnitRecord } from "#model/records.ts";
import type { UnitOnMachine } from "#model/units.ts";

const RUNNING: ReadonlySet<string> = new Set(["active", "activating", "reloading", "deactivating"]);

/**
 * The machine that fleet would show of a unit; it knows one. One that moves is where it came from until it has arrived, and
 * what a machine has left over of it, such as while it stops there, is not where the unit is.
 */
export function homeOf(places: readonly UnitOnMachine[]): UnitOnMachine | undefined {
  const assigned = places.filter(({ assignment }) => assignment !== undefined);
  return assigned.find(({ assignment }) => assignment?.movesFrom === undefined) ?? assigned[0];
}

/**
 * How long a unit that was launched still counts as that after it was asked to stop, even when it has stopped. fleet's
 * machines looked once a second, and fleetctl's restart rests on it: it sets `loaded`, then waits until the unit is
 * launched, for ever if need be, and only then sets `launched`.
 */
export const STOP_NOTICED_MS = 1_000;

/**
 * A machine's state belongs to a text and to a launch of it. What is there of an older text is nothing of the unit that is
 * asked for: it counts only for a unit that is to leave its machine, which fleetctl waits for after it has replaced it. A
 * unit that is asked to run is launched once the launch asked for has begun: fleetctl takes what systemd says from then on
 * for that of its own start. A unit that is to be stopped counts as launched until it has stopped.
 */
export function currentState(
  record: UnitRecord,
  place: UnitOnMachine | undefined,
  nowMs: number,
): DesiredState {
  const { assignment, state } = place ?? {};
  if (assignment === undefined || state === undefined) return "inactive";
  if (state.file !== record.file && record.desired !== "inactive") return "inactive";
  if (record.desired === "launched") return state.launch === record.launch ? "launched" : "loaded";
  if (state.launch > 0 && RUNNING.has(state.active)) return "launched";
  return record.desired === "loaded" && wasJustAskedToStop(record, nowMs) ? "launched" : "loaded";
}

/** A clock that was set back makes no unit launched for long. */
function wasJustAskedToStop({ launch, changedMs }: UnitRecord, nowMs: number): boolean {
  return launch > 0 && nowMs >= changedMs && nowMs < changedMs + STOP_NOTICED_MS;
}
