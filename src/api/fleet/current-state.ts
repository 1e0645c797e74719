/** fleet's current state of a unit: how far it has come on the machine that it is assigned to. Pure. */
import type { DesiredState, UnitRecord } from "#model/records.ts";
import type { UnitOnMachine } from "#model/units.ts";

const RUNNING: ReadonlySet<string> = new Set(["active", "activating", "reloading", "deactivating"]);

/**
 * A machine's state belongs to a text and to a launch of it. What is there of an older text is nothing of the unit that is
 * asked for: it counts only for a unit that is to leave its machine, which fleetctl waits for after it has replaced it. A
 * unit that is asked to run is launched once the launch asked for has begun: fleetctl takes what systemd says from then on
 * for that of its own start. A unit that is to be stopped counts as launched until it has stopped: fleetctl's restart waits
 * for just that between its two steps.
 */
export function currentState(record: UnitRecord, place: UnitOnMachine | undefined): DesiredState {
  const { assignment, state } = place ?? {};
  if (assignment === undefined || state === undefined) return "inactive";
  if (state.file !== record.file && record.desired !== "inactive") return "inactive";
  if (record.desired === "launched") return state.launch === record.launch ? "launched" : "loaded";
  return state.launch > 0 && RUNNING.has(state.active) ? "launched" : "loaded";
}
