/** Submitted units as the API shows them: what is asked for and what it has come to. */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import type { UnitRecord } from "#model/records.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import { parseUnitName } from "#unit/name.ts";
import { expandSpecifiers, specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import type { UnitDetail, UnitFileRow } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { unitNotFound } from "./unit-decisions.ts";
import { explainedRows } from "./unit-explain.ts";
import { isGlobal } from "./unit-rows.ts";

/** Every submitted unit and template, by name. */
export function unitFileRows(view: ClusterView, placementOf: PlanContext["placementOf"]): UnitFileRow[] {
  const machines = machinesByUnit(view);
  return [...view.units].sort(byName).map(([unit, record]) => {
    const on = machines.get(unit) ?? [];
    const [machine = null] = on.length === 1 ? on : [];
    const global = isGlobal(unit, record, placementOf);
    return {
      unit,
      hash: record.file,
      desired: record.desired,
      state: global ? "-" : reachedState(view, unit, machine),
      global,
      template: parseUnitName(unit).isTemplate,
      machine,
      machineName: machine === null ? null : nameOfMachine(view, machine),
      description: descriptionOf(view, unit, record),
      changedMs: record.changedMs,
    };
  });
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function machinesByUnit(view: ClusterView): Map<string, string[]> {
  const machines = new Map<string, string[]>();
  for (const [machine, units] of view.assignments) {
    for (const unit of units.keys()) machines.set(unit, [...(machines.get(unit) ?? []), machine]);
  }
  return machines;
}

/** fleet's current state: loaded once a machine reports the unit, launched once it has been started there. */
function reachedState(view: ClusterView, unit: string, machine: string | null): string {
  if (machine === null) return "inactive";
  const assignment = view.assignments.get(machine)?.get(unit);
  const state = view.states.get(machine)?.get(unit);
  if (state === undefined) return "inactive";
  return assignment?.desired === "launched" && state.launch > 0 ? "launched" : "loaded";
}

/** `Description=` of the unit file, specifiers expanded; as it is written where they cannot be. */
export function descriptionOf(view: ClusterView, unit: string, record: UnitRecord): string | null {
  const text = view.files.get(record.file);
  const written = text === undefined ? undefined : parseUnitFile(text).last("Unit", "Description");
  if (written === undefined) return null;
  return expandSpecifiers(written, specifierContext(unit)) ?? written;
}

/** @throws FlotillaError `unit-not-found` */
export function findUnit(view: ClusterView, unit: string): UnitRecord {
  const record = view.units.get(unit);
  if (record === undefined) throw unitNotFound(unit);
  return record;
}

/**
 * One unit with all that is known of it. A unit that was destroyed and is still being taken away is not found.
 * @throws FlotillaError `unit-not-found`
 */
export function unitDetail(unit: string, dependencies: ApiDependencies): UnitDetail {
  const { view } = dependencies.mirror;
  const record = findUnit(view, unit);
  return {
    unit,
    hash: record.file,
    desired: record.desired,
    launch: record.launch,
    changedMs: record.changedMs,
    description: descriptionOf(view, unit, record),
    template: parseUnitName(unit).isTemplate,
    global: isGlobal(unit, record, dependencies.planContext().placementOf),
    history: record.history.map((entry) => ({ ...entry })),
    rows: explainedRows([unit], dependencies),
  };
}

/** The stored text, to the byte. @throws FlotillaError `unit-not-found` */
export function unitText(unit: string, view: ClusterView): string {
  const { file } = findUnit(view, unit);
  const text = view.files.get(file);
  if (text === undefined) throw unitNotFound(unit);
  return text;
}
