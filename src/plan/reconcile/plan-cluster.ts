/**
 * The engine's decisions: from the cluster's state to the steps that bring it where it is asked to be.
 *
 * Invariants: pure and deterministic; a unit that is not global is on one machine at most, and while it is moved on two
 * where it may overlap with itself; a unit that may stay where
 * it is stays; once the steps are carried out the next plan is empty. It must not do I/O, and it must not know how
 * steps are written to the store.
 */
import type { ClusterView } from "#model/cluster-state.ts";
import type { ClusterPlan, PlanCluster, PlanContext } from "#plan/cluster-plan.ts";
import { closeRebalance, relocate } from "#plan/rebalance/carry-out.ts";
import { collectFiles } from "./collect-files.ts";
import { type Draft, openDraft } from "./draft.ts";
import { leaveFinished, stopGlobalUnits } from "./drains.ts";
import { leaveFailed, mayBeTriedElsewhere } from "./failures.ts";
import { partAtOnce, planMoves } from "./moves.ts";
import { placeUnits } from "./place-units.ts";
import { recheckPlaced } from "./recheck.ts";
import { stepsOf } from "./steps.ts";

export const planCluster: PlanCluster = (view, context) => drawPlan(view, context).plan;

/** The plan, and the draft it came from, which knows where every unit would be after it. */
export function drawPlan(view: ClusterView, context: PlanContext): { plan: ClusterPlan; draft: Draft } {
  const draft = openDraft(view, context);
  recheckPlaced(draft);
  leaveFinished(draft);
  leaveFailed(draft);
  partAtOnce(draft);
  placeUnits(draft);
  relocate(draft);
  stopGlobalUnits(draft);
  planMoves(draft);
  const steps = [...stepsOf(draft), ...closeRebalance(draft), ...collectFiles(view)];
  const unplaced = [...draft.unplaced.values()].sort((left, right) => (left.unit < right.unit ? -1 : 1));
  const moves = [...draft.pending.values()].sort((left, right) => (left.unit < right.unit ? -1 : 1));
  const { holding } = draft.losses;
  const wakeTimes = holding === undefined ? draft.wakeTimes : [...draft.wakeTimes, holding.untilMs];
  const plan: ClusterPlan = {
    steps,
    unplaced,
    moves,
    ...(mayBeTriedElsewhere(draft) ? { followsStates: true } : {}),
    ...(holding === undefined ? {} : { holding }),
    ...(wakeTimes.length === 0 ? {} : { wakeAtMs: Math.min(...wakeTimes) }),
  };
  return { plan, draft };
}
