/** Since when the new copies of moving units are active, as the engine has seen it on its own clock. Pure. */
import type { ClusterView } from "#model/cluster-state.ts";
import { copyKey } from "#plan/reconcile/copies.ts";

/** @param before what was noted last; a copy that is no longer active begins anew */
export function noteCopies(
  before: ReadonlyMap<string, number>,
  view: ClusterView,
  nowMs: number,
): ReadonlyMap<string, number> {
  const since = new Map<string, number>();
  for (const [machine, units] of view.assignments) {
    for (const [unit, { movesFrom, launch }] of units) {
      if (movesFrom === undefined) continue;
      const state = view.states.get(machine)?.get(unit);
      if (state?.active !== "active" || state.launch !== launch) continue;
      const key = copyKey(unit, machine);
      since.set(key, before.get(key) ?? nowMs);
    }
  }
  return since;
}
