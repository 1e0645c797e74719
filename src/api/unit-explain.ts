/** Why a unit is where it is, or nowhere: the planner's reasons in the API's form. */
import type { UnitRow } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { rowsOf } from "./unit-rows.ts";

/** Rows in which a unit that is nowhere says why. */
export function explainedRows(names: readonly string[], { mirror, planContext }: ApiDependencies): UnitRow[] {
  const context = planContext();
  return rowsOf(mirror.view, names, context.placementOf);
}
