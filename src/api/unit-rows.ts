/** Units as the API shows them: rows made from the cluster's state. Pure. */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import type { UnitRecord } from "#model/records.ts";
import { type UnitOnMachine, whereUnitIs } from "#model/units.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import type { UnitRow } from "./bodies.ts";

type PlacementOf = PlanContext["placementOf"];

export function isGlobal(unit: string, record: UnitRecord, placementOf: PlacementOf): boolean {
  return placementOf(unit, record.file)?.global ?? false;
}

/** Names of the units that are on a machine, or shall be, in order. */
export function unitsInPlay(view: ClusterView): readonly string[] {
  const names = new Set<string>();
  for (const [name, record] of view.units) if (record.desired !== "inactive") names.add(name);
  for (const units of view.assignments.values()) for (const name of units.keys()) names.add(name);
  for (const units of view.states.values()) for (const name of units.keys()) names.add(name);
  return [...names].sort();
}

/** The rows of the units of these names, in that order; a unit that is nowhere and shall be nowhere has none. */
export function rowsOf(view: ClusterView, names: readonly string[], placementOf: PlacementOf): UnitRow[] {
  const placed = placesByUnit(view, names);
  return names.flatMap((name) => unitRows(view, name, placed.get(name) ?? [], placementOf));
}

/** Goes over the machines once; asking for each unit by itself would go over them for each unit. */
function placesByUnit(view: ClusterView, names: readonly string[]): Map<string, readonly UnitOnMachine[]> {
  if (names.length <= 4) return new Map(names.map((name) => [name, whereUnitIs(view, name)]));
  const wanted = new Set(names);
  const places = new Map<string, UnitOnMachine[]>();
  const machines = new Set([...view.assignments.keys(), ...view.states.keys()]);
  for (const machine of [...machines].sort()) {
    const assignments = view.assignments.get(machine);
    const states = view.states.get(machine);
    for (const unit of new Set([...(assignments?.keys() ?? []), ...(states?.keys() ?? [])])) {
      if (!wanted.has(unit)) continue;
      const place = { machine, assignment: assignments?.get(unit), state: states?.get(unit) };
      const known = places.get(unit);
      if (known === undefined) places.set(unit, [place]);
      else known.push(place);
    }
  }
  return places;
}

function unitRows(
  view: ClusterView,
  unit: string,
  places: readonly UnitOnMachine[],
  placementOf: PlacementOf,
): UnitRow[] {
  const record = view.units.get(unit);
  if (places.length > 0) return places.map((place) => toRow(view, unit, record, place, placementOf));
  if (record === undefined || record.desired === "inactive") return [];
  return [toRow(view, unit, record, undefined, placementOf)];
}

function toRow(
  view: ClusterView,
  unit: string,
  record: UnitRecord | undefined,
  place: UnitOnMachine | undefined,
  placementOf: PlacementOf,
): UnitRow {
  const outcome = view.outcomes.get(unit);
  const state = place?.state;
  return {
    unit,
    machine: place?.machine ?? null,
    machineName: place === undefined ? null : nameOfMachine(view, place.machine),
    load: state?.load ?? null,
    active: state?.active ?? null,
    sub: state?.sub ?? null,
    result: state?.result ?? null,
    hash: record?.file ?? place?.assignment?.file ?? state?.file ?? "",
    desired: record?.desired ?? null,
    global: record !== undefined && isGlobal(unit, record, placementOf),
    launch: record?.launch ?? place?.assignment?.launch ?? 0,
    stateLaunch: state?.launch ?? null,
    reason: place?.assignment?.reason ?? null,
    sinceMs: state?.sinceMs ?? null,
    message: state?.message ?? null,
    mainPid: state?.mainPid ?? null,
    exitCode: state?.exitCode ?? null,
    exitSignal: state?.exitSignal ?? null,
    restarts: state?.restarts ?? 0,
    finishedMs: outcome !== undefined && outcome.launch === record?.launch ? outcome.finishedMs : null,
    unplaced: null,
  };
}
