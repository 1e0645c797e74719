/** Why a unit is where it is, or nowhere: the planner's own reasons in the API's form. */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import type { Refusal, Unplaced } from "#plan/cluster-plan.ts";
import { planCluster } from "#plan/reconcile/plan-cluster.ts";
import type { RefusalBody, UnitRow, UnplacedBody } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { rowsOf } from "./unit-rows.ts";

/**
 * Rows in which a unit that fits nowhere says why. What the engine would do is asked of the planner itself, so that a
 * unit that is only about to be placed is not taken for one that cannot be.
 */
export function explainedRows(names: readonly string[], { mirror, planContext }: ApiDependencies): UnitRow[] {
  const context = planContext();
  const rows = rowsOf(mirror.view, names, context.placementOf);
  if (!rows.some(isNowhere)) return rows;
  const plan = planCluster(mirror.view, context);
  const unplaced = new Map(plan.unplaced.map((one) => [one.unit, one]));
  return rows.map((row) => {
    const why = isNowhere(row) ? unplaced.get(row.unit) : undefined;
    if (why === undefined) return row;
    return { ...row, unplaced: toUnplaced(mirror.view, why, plan.holding !== undefined) };
  });
}

/** On no machine, and with something left to do. */
export function isNowhere(row: UnitRow): boolean {
  return row.machine === null && row.finishedMs === null;
}

function toUnplaced(view: ClusterView, { summary, refusals }: Unplaced, holding: boolean): UnplacedBody {
  const waits = refusals.some((refusal) => refusal.code === "strict-wait");
  return {
    summary,
    final: !waits && !holding,
    refusals: refusals.map((refusal) => toRefusal(view, refusal)),
  };
}

function toRefusal(view: ClusterView, refusal: Refusal): RefusalBody {
  return { ...refusal, machineName: nameOfMachine(view, refusal.machine) };
}
