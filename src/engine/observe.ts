/**
 * What happened in the cluster since the engine last looked, as events. Pure.
 *
 * The engine is the one that tells the cluster's story, because it is one and sees all. It compares what it sees with
 * what it saw; a new engine begins with what it finds and tells nothing of it, except of machines that are gone.
 */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import type { ClusterEvent, UnitState } from "#model/records.ts";

export interface Observed {
  /** Names of the machines that were present, by ID. */
  readonly machines: ReadonlyMap<string, string>;
  /** IDs of those among them that nobody reached. */
  readonly unreachable: ReadonlySet<string>;
  /** `active`, `failed` or nothing of note, by `unit machine`. */
  readonly units: ReadonlyMap<string, string>;
  /** Launch of the outcome, by unit. */
  readonly outcomes: ReadonlyMap<string, number>;
}

export interface Observation {
  readonly observed: Observed;
  readonly events: readonly ClusterEvent[];
}

/** @param before undefined when the engine has just been elected. */
export function observe(
  before: Observed | undefined,
  view: ClusterView,
  unreachable: ReadonlySet<string>,
  nowMs: number,
): Observation {
  const observed: Observed = {
    machines: new Map([...view.machines].map(([id, machine]) => [id, machine.name])),
    unreachable: new Set([...unreachable].filter((machine) => view.machines.has(machine))),
    units: new Map([...notableStates(view)].map(([key, { state }]) => [key, state.active])),
    outcomes: new Map([...view.outcomes].map(([unit, outcome]) => [unit, outcome.launch])),
  };
  const silent = [...reachEvents(before?.unreachable ?? new Set(), observed, nowMs)];
  if (before === undefined) return { observed, events: [...goneMachines(view, nowMs), ...silent] };
  const events = [
    ...machineEvents(before, observed, nowMs),
    ...silent,
    ...unitEvents(before, view, nowMs),
    ...outcomeEvents(before, view, nowMs),
  ];
  return { observed, events };
}

interface NotableState {
  readonly unit: string;
  readonly machine: string;
  readonly state: UnitState;
}

function* notableStates(view: ClusterView): Generator<readonly [string, NotableState]> {
  for (const [machine, units] of view.states) {
    for (const [unit, state] of units) {
      const notable = state.active === "active" || state.active === "failed";
      if (notable) yield [`${unit} ${machine}`, { unit, machine, state }];
    }
  }
}

function* machineEvents(before: Observed, after: Observed, timeMs: number): Generator<ClusterEvent> {
  for (const [machine, name] of after.machines) {
    if (before.machines.has(machine)) continue;
    yield { timeMs, kind: "machine-joined", machine, message: `machine ${name} joined` };
  }
  for (const [machine, name] of before.machines) {
    if (after.machines.has(machine)) continue;
    yield { timeMs, kind: "machine-lost", machine, message: `machine ${name} is gone: its lease has ended` };
  }
}

/** Of a machine whose lease has ended meanwhile that is told, and no more. */
function* reachEvents(
  before: ReadonlySet<string>,
  { machines, unreachable }: Observed,
  timeMs: number,
): Generator<ClusterEvent> {
  for (const machine of unreachable) {
    if (before.has(machine)) continue;
    const message = `machine ${machines.get(machine)} does not answer anybody; its lease has not ended yet`;
    yield { timeMs, kind: "machine-unreachable", machine, message };
  }
  for (const machine of before) {
    const name = machines.get(machine);
    if (unreachable.has(machine) || name === undefined) continue;
    yield { timeMs, kind: "machine-reachable", machine, message: `machine ${name} answers again` };
  }
}

/** Machines that went while no engine looked: they still have units assigned. */
function* goneMachines(view: ClusterView, timeMs: number): Generator<ClusterEvent> {
  for (const machine of view.assignments.keys()) {
    if (view.machines.has(machine)) continue;
    const message = `machine ${nameOfMachine(view, machine)} is gone: its lease has ended`;
    yield { timeMs, kind: "machine-lost", machine, message };
  }
}

function* unitEvents(before: Observed, view: ClusterView, timeMs: number): Generator<ClusterEvent> {
  for (const [key, { unit, machine, state }] of notableStates(view)) {
    if (before.units.get(key) === state.active) continue;
    const on = nameOfMachine(view, machine);
    if (state.active === "failed") {
      const why = state.message === undefined ? state.result : `${state.result}, ${state.message}`;
      yield { timeMs, kind: "unit-failed", unit, machine, message: `${unit} failed on ${on}: ${why}` };
    } else {
      yield { timeMs, kind: "unit-active", unit, machine, message: `${unit} is active on ${on}` };
    }
  }
}

function* outcomeEvents(before: Observed, view: ClusterView, timeMs: number): Generator<ClusterEvent> {
  for (const [unit, { launch, machine }] of view.outcomes) {
    if (before.outcomes.get(unit) === launch) continue;
    const on = nameOfMachine(view, machine);
    yield { timeMs, kind: "unit-finished", unit, machine, message: `${unit} finished on ${on}` };
  }
}
