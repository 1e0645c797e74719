/** How far the drain of a machine is: what has become, or becomes next, of each unit that it had. Pure. */
import type { ClusterView } from "#model/cluster-state.ts";
import { whereUnitIs } from "#model/units.ts";
import type { ClusterPlan, PendingMove, PlanContext, Refusal } from "./cluster-plan.ts";
import { planCluster } from "./reconcile/plan-cluster.ts";

/**
 * How long whoever follows a drain waits before looking again: each look costs as much as a plan of the whole cluster,
 * and what it costs the drained units wait for.
 */
export const LOOK_AGAIN_MS = 100;

export interface DrainedUnit {
  readonly unit: string;
  /**
   * On the machine still: `waiting` for its turn, `starting` elsewhere, `staying`, since it fits nowhere else. On its
   * way: `stopping`. Gone: `moved`, and active where it shall run; `failed` there; `stopped`, and on no machine.
   */
  readonly phase: "waiting" | "starting" | "staying" | "stopping" | "moved" | "failed" | "stopped";
  /** Machine ID. */
  readonly to?: string;
  /** In a sentence; of what has moved, in a word what it is there. */
  readonly reason: string;
  readonly refusals: readonly Refusal[];
}

export interface DrainProgress {
  /** In order of name. */
  readonly units: readonly DrainedUnit[];
  /** Nothing more becomes of it by itself. */
  readonly isOver: boolean;
}

type Seen = Pick<DrainedUnit, "phase" | "reason"> & Partial<DrainedUnit>;

/** @param units those that the machine had when the drain was first looked at, and all it has now */
export function drainProgress(
  view: ClusterView,
  context: PlanContext,
  machine: string,
  units: Iterable<string>,
): DrainProgress {
  const plan = planCluster(view, context);
  const pending = new Map(plan.moves.filter(({ from }) => from === machine).map((move) => [move.unit, move]));
  const drained = [...units].sort().map((unit) => {
    const seen = isThere(view, machine, unit)
      ? onMachine(view, context, unit, pending)
      : offMachine(view, context, plan, machine, unit);
    return { unit, refusals: [], ...seen };
  });
  return { units: drained, isOver: drained.every(({ phase }) => isFinal(phase)) };
}

function isFinal(phase: DrainedUnit["phase"]): boolean {
  return phase !== "waiting" && phase !== "starting" && phase !== "stopping";
}

function isThere(view: ClusterView, machine: string, unit: string): boolean {
  return view.assignments.get(machine)?.has(unit) === true;
}

function onMachine(
  view: ClusterView,
  context: PlanContext,
  unit: string,
  pending: ReadonlyMap<string, PendingMove>,
): Seen {
  const move = pending.get(unit);
  if (move !== undefined) {
    const { phase, reason, refusals, to } = move;
    return { phase, reason, refusals, ...(to === undefined ? {} : { to }) };
  }
  if (!isGlobal(view, context, unit)) return { phase: "waiting", reason: "it is about to be moved" };
  const stays = [...pending.values()].some(({ phase }) => phase === "staying");
  return stays && pending.size > 0 && [...pending.values()].every(({ phase }) => phase === "staying")
    ? { phase: "staying", reason: "it is global and stays with the units that stay" }
    : { phase: "waiting", reason: "it is global and stops last" };
}

/** What is on every machine goes to none. */
const GLOBAL = "it is global: the other machines have their own";

function isGlobal(view: ClusterView, { placementOf }: PlanContext, unit: string): boolean {
  return placementOf(unit, view.units.get(unit)?.file ?? "")?.global === true;
}

function offMachine(
  view: ClusterView,
  context: PlanContext,
  plan: ClusterPlan,
  machine: string,
  unit: string,
): Seen {
  const record = view.units.get(unit);
  const left = view.states.get(machine)?.get(unit)?.active;
  const isStopping = left !== undefined && left !== "inactive" && left !== "failed";
  if (record === undefined || record.desired === "inactive")
    return { phase: "stopped", reason: "nobody asks for it" };
  if (view.outcomes.get(unit)?.launch === record.launch)
    return { phase: "stopped", reason: "it has finished" };
  if (isGlobal(view, context, unit)) return { phase: isStopping ? "stopping" : "stopped", reason: GLOBAL };
  const places = whereUnitIs(view, unit).filter(({ assignment }) => assignment !== undefined);
  const [place] = places;
  if (place === undefined) return nowhere(plan, unit);
  const { machine: to, state } = place;
  if (isStopping) return { phase: "stopping", to, reason: "its old copy has yet to stop" };
  const isCurrent = state?.launch === record.launch && state.file === record.file;
  if (record.desired === "loaded") return { phase: "moved", to, reason: "loaded" };
  if (!isCurrent) return { phase: "starting", to, reason: "it starts there" };
  if (state.active === "active") return { phase: "moved", to, reason: "active" };
  const ended = state.active === "failed" || state.active === "inactive";
  return ended
    ? { phase: "failed", to, reason: state.message ?? `it is ${state.active} there: ${state.result}` }
    : { phase: "starting", to, reason: `it is ${state.active} there` };
}

function nowhere(plan: ClusterPlan, unit: string): Seen {
  const unplaced = plan.unplaced.find((other) => other.unit === unit);
  if (unplaced === undefined) return { phase: "stopping", reason: "it is about to be placed" };
  const { summary, refusals } = unplaced;
  const waits = refusals.some(({ code }) => code === "strict-wait");
  return { phase: waits ? "stopping" : "stopped", reason: summary, refusals };
}
