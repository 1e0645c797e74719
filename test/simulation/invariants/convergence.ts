/** What must become true once faults and requests have stopped, and what must not happen any more from then on. */
import type { UnitRecord } from "#model/records.ts";
import { planCluster } from "#plan/reconcile/plan-cluster.ts";
import { DEFAULT_PLAN_SETTINGS } from "#plan/settings.ts";
import type { Placement } from "#unit/placement.ts";
import { readPlacement } from "#unit/read-placement.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import type { SimulatedMachine } from "../machine.ts";
import { specOf, UNITS } from "../workload.ts";
import type { World } from "../world.ts";
import { refusalNow } from "./placement.ts";

/** Everything that is not yet as it should be, in words; empty when the cluster has converged. */
export function whatIsMissing(world: World): readonly string[] {
  const { view } = world.history;
  const missing: string[] = [];
  if (view.engine === undefined) missing.push("no engine is elected");
  if (view.rebalance !== undefined) missing.push("a rebalance is not over");
  for (const machine of world.machines) {
    if (!view.machines.has(machine.id)) missing.push(`${machine.name} is not present`);
    missing.push(
      ...strayUnits(world, machine),
      ...staleStates(world, machine),
      ...staleTemplates(world, machine),
    );
  }
  for (const [unit, record] of view.units) missing.push(...missingOf(world, unit, record));
  return missing;
}

/** Nothing lost: what is asked for is there, or has finished, or fits nowhere. */
function missingOf(world: World, unit: string, record: UnitRecord): readonly string[] {
  const { view } = world.history;
  const holders = world.machines.filter((machine) => view.assignments.get(machine.id)?.has(unit));
  if (record.desired === "inactive") return holders.map(({ name }) => `${unit} is still assigned to ${name}`);
  if (specOf(unit)?.global === true) return missingGlobal(world, unit, record, holders);
  const finished = view.outcomes.get(unit)?.launch === record.launch;
  const [machine, ...more] = holders;
  if (more.length > 0) return [`${unit} is still on its way`];
  if (machine !== undefined)
    return [...couldLeave(world, unit, machine), ...(finished ? [] : notAsAsked(machine, unit, record))];
  if (finished) return [];
  const open = world.machines.filter(({ id }) => refusalNow(view, unit, id) === undefined);
  return open.map(({ name }) => `${unit} is nowhere, though ${name} could take it`);
}

/** What is on a drained machine fits on no other or has failed there; companions (MachineOf=) stay or go together, which is not looked at here. */
function couldLeave(world: World, unit: string, { id, name }: SimulatedMachine): readonly string[] {
  const { view } = world.history;
  const hasCompanions = UNITS.some(
    ({ name: other, machineOf }) => machineOf !== undefined && (other === unit || machineOf === unit),
  );
  if (view.machineConfigs.get(id)?.drain === undefined || hasCompanions) return [];
  // A launch gets no machine twice (FailureMoves=), and where a copy failed three times it is tried again much later.
  const { tried = [], failedMoves = [] } = view.assignments.get(id)?.get(unit) ?? {};
  const failed = [...tried, ...failedMoves.filter(({ count }) => count >= 3)].map(({ machine }) => machine);
  const open = world.machines.filter(
    (other) =>
      other.id !== id && !failed.includes(other.id) && refusalNow(view, unit, other.id) === undefined,
  );
  return open.map(
    (other) => `${unit} is still on ${name}, which is drained, though ${other.name} could take it`,
  );
}

function missingGlobal(
  world: World,
  unit: string,
  record: UnitRecord,
  holders: readonly SimulatedMachine[],
): readonly string[] {
  const { view } = world.history;
  return world.machines.flatMap((machine) => {
    if (holders.includes(machine)) return notAsAsked(machine, unit, record);
    return refusalNow(view, unit, machine.id) === undefined ? [`${unit} is not on ${machine.name}`] : [];
  });
}

/** The unit on a machine that has it assigned; one that crashed or cannot be run has come to its end there. */
function notAsAsked(machine: SimulatedMachine, unit: string, record: UnitRecord): readonly string[] {
  const where = `${unit} on ${machine.name}`;
  const status = machine.status(unit);
  if (status === undefined) return [`${where} is not loaded`];
  if (status.file !== record.file) return [`${where} has an old file`];
  const { active, load, completed, invocation } = status;
  if (record.desired === "loaded") return active === "active" ? [`${where} was not stopped`] : [];
  if (load === "bad-setting") return [];
  const applied = machine.disk.memory.applied[unit];
  if (applied?.launch !== record.launch) return [`${where} was not launched again`];
  const over = invocation !== undefined && (active === "failed" || completed);
  return active === "active" || over || applied.completed ? [] : [`${where} is ${active}`];
}

function strayUnits(world: World, machine: SimulatedMachine): readonly string[] {
  const assigned = world.history.view.assignments.get(machine.id);
  const stray = machine.statuses().filter(({ name }) => !assigned?.has(name));
  return stray.map(({ name }) => `${name} is still on ${machine.name}`);
}

/** The store says of each unit what the machine says. */
function staleStates(world: World, machine: SimulatedMachine): readonly string[] {
  const states = world.history.view.states.get(machine.id);
  const statuses = machine.statuses();
  const known = new Set(statuses.map(({ name }) => name));
  const stale = statuses.filter(({ name, active, sub, file }) => {
    const state = states?.get(name);
    return state?.active !== active || state.sub !== sub || state.file !== file;
  });
  const left = [...(states?.keys() ?? [])].filter((name) => !known.has(name));
  return [...stale.map(({ name }) => name), ...left].map(
    (name) => `${name}'s state on ${machine.name} is stale`,
  );
}

/** A machine knows of the templates that its units need what the store has of them, and no others. */
function staleTemplates(world: World, { id, name, disk }: SimulatedMachine): readonly string[] {
  const { view } = world.history;
  const needed = [...(view.assignments.get(id)?.keys() ?? [])].filter(
    (unit) => specOf(unit)?.accepts === true,
  );
  const expected = new Map(
    needed.map((unit) => {
      const template = unit.replace(".socket", "@.service");
      return [template, view.units.get(template)?.file ?? null];
    }),
  );
  const known = new Map(Object.entries(disk.memory.templates));
  const stale = [...new Set([...expected.keys(), ...known.keys()])].filter(
    (template) => expected.get(template) !== known.get(template),
  );
  return stale.map((template) => `${name} has not the text of ${template} that is stored`);
}

/** A plan at a fixpoint is empty. */
export function leftoverPlan(world: World): readonly string[] {
  const { view } = world.history;
  const { steps } = planCluster(view, {
    nowMs: world.clock.now(),
    monotonicMs: world.nowMs,
    placementOf: (unit, file) => placementOf(unit, view.files.get(file)),
    lostSince: new Map(),
    settings: DEFAULT_PLAN_SETTINGS,
  });
  return steps.map((step) => `${step.kind} ${"unit" in step ? step.unit : ""}: ${step.reason}`);
}

function placementOf(unit: string, text: string | undefined): Placement | undefined {
  return text === undefined ? undefined : readPlacement(parseUnitFile(text), unit).placement;
}
