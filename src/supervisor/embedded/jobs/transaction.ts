/**
 * What starting or stopping one unit means for the others: which jobs, in which order (systemd.unit(5), and the table
 * of dependencies in systemd's unit-dependency-atom.c). Pure. A first cut: jobs are not merged with those under way.
 */
import type { UnitDependencies } from "#unit/read-dependencies.ts";

export interface GraphUnit {
  readonly dependencies: UnitDependencies;
  /** Active, or on the way there. */
  readonly isUp: boolean;
}

/** The loaded units of the machine by name. */
export type UnitGraph = ReadonlyMap<string, GraphUnit>;

export interface Job {
  readonly unit: string;
  readonly kind: "start" | "stop";
  /** Units of this transaction whose jobs end first. */
  readonly after: readonly string[];
  /** Of those, the ones without whose success this job fails. */
  readonly needs: readonly string[];
}

export type Transaction =
  | { readonly kind: "jobs"; readonly jobs: readonly Job[] }
  | {
      readonly kind: "refused";
      readonly result: "failed" | "dependency" | "invalid";
      readonly message: string;
    };

/** The jobs that start a unit: what it pulls in, and what it excludes. */
export function planStart(graph: UnitGraph, anchor: string): Transaction {
  const starts = new Set<string>();
  const problem = pullIn(graph, anchor, starts);
  if (problem !== undefined) return problem;
  const stops = new Set([...starts].flatMap((unit) => excludedBy(graph, unit)));
  const both = [...starts].find((unit) => stops.has(unit));
  if (both !== undefined) {
    return {
      kind: "refused",
      result: "failed",
      message: `${anchor} needs ${both}, which conflicts with what it starts`,
    };
  }
  return { kind: "jobs", jobs: [...stopJobs(graph, stops), ...startJobs(graph, starts, stops)] };
}

/** The jobs that stop a unit and what cannot be without it. */
export function planStop(graph: UnitGraph, anchor: string): readonly Job[] {
  const stops = new Set([anchor]);
  for (const unit of stops) for (const dependent of stoppedWith(graph, unit)) stops.add(dependent);
  return stopJobs(graph, stops);
}

/** Units that are stopped when this one stops by itself, without being asked to. */
export function boundTo(graph: UnitGraph, unit: string): readonly string[] {
  return upUnits(graph)
    .filter(([, other]) => other.dependencies.bindsTo.includes(unit))
    .map(([name]) => name);
}

// --- what is pulled in -----------------------------------------------------------------------------------------

type Refusal = Extract<Transaction, { kind: "refused" }>;

/** Adds the unit and everything it pulls in; says why that cannot be. What is only wanted and cannot be is left out. */
function pullIn(graph: UnitGraph, name: string, starts: Set<string>): Refusal | undefined {
  const unit = graph.get(name);
  if (unit === undefined)
    return { kind: "refused", result: "invalid", message: `unit ${name} is not loaded on this machine` };
  if (starts.has(name)) return undefined;
  const { requires, bindsTo, requisite, wants, upholds } = unit.dependencies;
  const down = requisite.find((other) => graph.get(other)?.isUp !== true);
  if (down !== undefined) {
    return {
      kind: "refused",
      result: "dependency",
      message: `${name} has Requisite=${down}, which is not active`,
    };
  }
  starts.add(name);
  for (const needed of [...requires, ...bindsTo]) {
    if (graph.get(needed)?.isUp === true) continue;
    const problem = pullIn(graph, needed, starts);
    if (problem === undefined) continue;
    starts.delete(name);
    return { ...problem, message: `${name} requires ${needed}: ${problem.message}` };
  }
  for (const wanted of [...wants, ...upholds]) {
    if (graph.get(wanted)?.isUp !== true) pullInIfPossible(graph, wanted, starts);
  }
  return undefined;
}

function pullInIfPossible(graph: UnitGraph, wanted: string, starts: Set<string>): void {
  const tried = new Set(starts);
  if (pullIn(graph, wanted, tried) !== undefined) return;
  for (const unit of tried) starts.add(unit);
}

/** Conflicts= works from both sides. */
function excludedBy(graph: UnitGraph, name: string): readonly string[] {
  const own = graph.get(name)?.dependencies.conflicts ?? [];
  return upUnits(graph)
    .filter(([other, unit]) => own.includes(other) || unit.dependencies.conflicts.includes(name))
    .map(([other]) => other)
    .filter((other) => other !== name);
}

function stoppedWith(graph: UnitGraph, name: string): readonly string[] {
  const propagated = graph.get(name)?.dependencies.propagatesStopTo ?? [];
  return upUnits(graph)
    .filter(([other, { dependencies }]) => {
      const { requires, bindsTo, requisite, partOf, stopPropagatedFrom } = dependencies;
      const bonds = [requires, bindsTo, requisite, partOf, stopPropagatedFrom];
      return propagated.includes(other) || bonds.some((bond) => bond.includes(name));
    })
    .map(([other]) => other);
}

function upUnits(graph: UnitGraph): readonly (readonly [string, GraphUnit])[] {
  return [...graph].filter(([, unit]) => unit.isUp);
}

// --- order -----------------------------------------------------------------------------------------------------

/** Whether `first` comes before `second` when both start. */
export function isBefore(graph: UnitGraph, first: string, second: string): boolean {
  const before = graph.get(first)?.dependencies.before.includes(second) ?? false;
  const after = graph.get(second)?.dependencies.after.includes(first) ?? false;
  // A target comes after what it pulls in, unless that says otherwise (systemd.target(5)).
  const isTarget = second.endsWith(".target") && !first.endsWith(".target");
  const pulled = isTarget && pulls(graph, second, first) && !isOrdered(graph, second, first);
  return before || after || pulled;
}

function pulls(graph: UnitGraph, target: string, unit: string): boolean {
  const dependencies = graph.get(target)?.dependencies;
  return (
    dependencies !== undefined && (dependencies.wants.includes(unit) || dependencies.requires.includes(unit))
  );
}

function isOrdered(graph: UnitGraph, first: string, second: string): boolean {
  const before = graph.get(first)?.dependencies.before.includes(second) ?? false;
  return before || (graph.get(second)?.dependencies.after.includes(first) ?? false);
}

function startJobs(
  graph: UnitGraph,
  starts: ReadonlySet<string>,
  stops: ReadonlySet<string>,
): readonly Job[] {
  const ordered = sortUnits([...starts], (first, second) => isBefore(graph, first, second));
  return ordered.map((unit, index) => {
    const earlier = ordered.slice(0, index).filter((other) => isBefore(graph, other, unit));
    const dependencies = graph.get(unit)?.dependencies;
    const strong = [...(dependencies?.requires ?? []), ...(dependencies?.bindsTo ?? [])];
    return {
      unit,
      kind: "start",
      after: [...stops, ...earlier],
      needs: earlier.filter((other) => strong.includes(other)),
    };
  });
}

/** What starts later stops earlier. */
function stopJobs(graph: UnitGraph, stops: ReadonlySet<string>): readonly Job[] {
  const ordered = sortUnits([...stops], (first, second) => isBefore(graph, second, first));
  return ordered.map((unit, index) => {
    const after = ordered.slice(0, index).filter((other) => isBefore(graph, unit, other));
    return { unit, kind: "stop", after, needs: [] };
  });
}

/** Sorts so that what is before comes before. Where the order is a cycle, the unit named first goes first. */
function sortUnits(
  units: readonly string[],
  before: (first: string, second: string) => boolean,
): readonly string[] {
  const sorted: string[] = [];
  const open = new Set<string>();
  const visit = (unit: string): void => {
    if (sorted.includes(unit) || open.has(unit)) return;
    open.add(unit);
    for (const other of units) if (other !== unit && before(other, unit)) visit(other);
    sorted.push(unit);
  };
  for (const unit of units) visit(unit);
  return sorted;
}
