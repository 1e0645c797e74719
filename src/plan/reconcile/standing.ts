/** What each unit is asked to be, and where it stands: the planner's reading of the cluster's state. */
import type { ClusterView } from "#model/cluster-state.ts";
import type { Assignment, UnitRecord } from "#model/records.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import { ANYWHERE, type Placement } from "#unit/placement.ts";
import { type CopyState, judgeCopy } from "./copies.ts";

/** A machine that has the unit assigned to it; it may be gone, or as good as gone: then it is not present. */
export interface Home {
  readonly machine: string;
  readonly present: boolean;
  readonly assignment: Assignment;
}

export interface Standing {
  readonly unit: string;
  readonly record: UnitRecord;
  /** What its current file says; undefined when that is missing or cannot be read. */
  readonly placement: Placement | undefined;
  /** The best first: the one it is being moved to, present machines, then the longest assigned, then by ID. */
  readonly homes: readonly Home[];
  /** The home that the best one is to replace, and that has the unit until then. */
  readonly source: Home | undefined;
  /** New copies that came to nothing, and how; they are among the homes, last. */
  readonly failed: ReadonlyMap<Home, string>;
  /** A oneshot that has run to its end in this launch: it is neither placed nor moved. */
  readonly finished: boolean;
}

/** A unit that may be on machines: asked for, and no template. By unit name, in order of name. */
export function readStandings(view: ClusterView, context: PlanContext): ReadonlyMap<string, Standing> {
  const homes = readHomes(view, context.unreachable);
  const standings = new Map<string, Standing>();
  for (const unit of [...view.units.keys()].sort()) {
    const record = view.units.get(unit);
    if (record === undefined || !mayBePlaced(unit, record)) continue;
    const placement = context.placementOf(unit, record.file);
    const finished = placement?.global !== true && hasFinished(view, unit, record);
    const all = homes.get(unit) ?? [];
    const isMoved =
      placement?.global !== true && all.some(({ assignment }) => assignment.movesFrom !== undefined);
    const moved = isMoved
      ? judgeMoves(all, (home) => judgeCopy(view, context, { unit, record }, home.machine))
      : { homes: all, source: undefined, failed: NONE };
    standings.set(unit, { unit, record, placement, finished, ...moved });
  }
  return standings;
}

const NONE: Standing["failed"] = new Map();

/** Of a unit that is moved the new copy is its home from the beginning, so that all else makes way for it there. */
function judgeMoves(
  homes: readonly Home[],
  judge: (copy: Home) => CopyState,
): Pick<Standing, "homes" | "source" | "failed"> {
  const present = homes.filter((home) => home.present);
  const sourceOf = (home: Home): Home | undefined =>
    present.find(({ machine }) => machine === home.assignment.movesFrom);
  const failed = new Map<Home, string>();
  for (const home of present) {
    const state = sourceOf(home) === undefined ? undefined : judge(home);
    if (state?.kind === "failed") failed.set(home, state.cause);
  }
  const sound = homes.filter((home) => !failed.has(home));
  const copy = sound.find((home) => home.present && sourceOf(home) !== undefined);
  const best = copy === undefined ? sound : [copy, ...sound.filter((home) => home !== copy)];
  return {
    homes: [...best, ...failed.keys()],
    source: copy === undefined ? undefined : sourceOf(copy),
    failed,
  };
}

/** `web@.service` */
export function isTemplate(unit: string): boolean {
  return unit.includes("@.");
}

function mayBePlaced(unit: string, record: UnitRecord): boolean {
  return record.desired !== "inactive" && !isTemplate(unit);
}

/**
 * Global units have one outcome key for many machines, so that it says nothing about any one of them: there the agent
 * alone remembers what it has carried out, and the engine ignores the outcome.
 */
function hasFinished(view: ClusterView, unit: string, record: UnitRecord): boolean {
  const outcome = view.outcomes.get(unit);
  return outcome !== undefined && outcome.launch === record.launch && outcome.file === record.file;
}

function readHomes(
  view: ClusterView,
  unreachable: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, readonly Home[]> {
  const homes = new Map<string, Home[]>();
  for (const [machine, units] of view.assignments) {
    const present = view.machines.has(machine) && !unreachable.has(machine);
    for (const [unit, assignment] of units) {
      const home = { machine, present, assignment };
      const others = homes.get(unit);
      if (others === undefined) homes.set(unit, [home]);
      else others.push(home);
    }
  }
  for (const list of homes.values()) if (list.length > 1) list.sort(compareHomes);
  return homes;
}

function compareHomes(left: Home, right: Home): number {
  if (left.present !== right.present) return left.present ? -1 : 1;
  const age = left.assignment.assignedMs - right.assignment.assignedMs;
  return age !== 0 ? age : left.machine < right.machine ? -1 : 1;
}

/** A start may be under way that nobody has heard of: that the unit has stopped could not be told from it. */
export function isUnsaid(
  view: ClusterView,
  { unit, record }: Standing,
  { machine, assignment }: Home,
): boolean {
  const state = view.states.get(machine)?.get(unit);
  if (record.desired !== "launched") return false;
  return state === undefined || (state.load === "loaded" && state.launch !== assignment.launch);
}

/**
 * The placement a unit is counted by where it is: a finished one reserves nothing any more, and where its new file
 * cannot be read the one it was assigned with still speaks for it.
 */
export function placementInForce(standing: Standing, home: Home, context: PlanContext): Placement {
  const placement =
    standing.placement ?? context.placementOf(standing.unit, home.assignment.file) ?? ANYWHERE;
  return standing.finished ? { ...placement, reservation: {} } : placement;
}
