/** What a machine that has come could take over: told, and never done by itself. Pure. */
import type { ClusterView } from "#model/cluster-state.ts";
import type { ClusterEvent } from "#model/records.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import { planRebalance } from "#plan/rebalance/plan-rebalance.ts";

/** @param events what has just happened */
export function offerRebalance(
  events: readonly ClusterEvent[],
  view: ClusterView,
  context: PlanContext,
): readonly ClusterEvent[] {
  const joined = events.find(({ kind }) => kind === "machine-joined");
  if (joined === undefined || view.rebalance !== undefined) return [];
  const { length } = planRebalance(view, context, { strict: false }).moves;
  if (length === 0) return [];
  const what = length === 1 ? "1 unit" : `${length} units`;
  const message = `${what} would now be better placed elsewhere: flotilla rebalance --plan`;
  return [{ timeMs: joined.timeMs, kind: "rebalance-offered", message }];
}
