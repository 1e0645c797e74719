/** Keys of [X-Fleet], with fleet's former names, and of [X-Flotilla]; systemd ignores both sections. */
import {
  failover,
  failureMoves,
  fleetBoolean,
  fleetGlobs,
  fleetNames,
  fleetText,
  machineId,
  maxPerMachine,
  maxUnavailable,
  metadataPairs,
  overlap,
  preferences,
  spreadKeys,
} from "../fleet-values.ts";
import { additive, last } from "../key.ts";

/** fleet's former name of a key, which still counts. */
function former<K extends string>(key: K) {
  return { insteadUse: key, notice: `Unit uses %k=; please use ${key}= instead.` };
}

export const X_FLEET_KEYS = {
  MachineID: additive(machineId, "run"),
  MachineOf: additive(fleetNames, "run"),
  MachineMetadata: additive(metadataPairs, "run"),
  Conflicts: additive(fleetGlobs, "run"),
  Replaces: additive(fleetGlobs, "run"),
  Global: additive(fleetBoolean, "run"),
  "X-ConditionMachineID": additive(machineId, "run", former("MachineID")),
  // A boot ID is no machine ID, but fleet compared it with machine IDs.
  "X-ConditionMachineBootID": additive(fleetText, "run", former("MachineID")),
  "X-ConditionMachineOf": additive(fleetNames, "run", former("MachineOf")),
  "X-ConditionMachineMetadata": additive(metadataPairs, "run", former("MachineMetadata")),
  "X-Conflicts": additive(fleetGlobs, "run", former("Conflicts")),
} as const;

export const X_FLOTILLA_KEYS = {
  Failover: last(failover, "run"),
  Spread: additive(spreadKeys, "run"),
  Prefer: additive(preferences, "run"),
  FailureMoves: last(failureMoves, "run"),
  MaxPerMachine: last(maxPerMachine, "run"),
  Overlap: last(overlap, "run"),
  MaxUnavailable: last(maxUnavailable, "run"),
} as const;
