/** What the supervisor has of the units that are the agent's affair, as the plan wants to know it. */
import type { Supervised } from "#plan/reconcile/plan-machine.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";

/** @param isOurs false for units that come and go without the cluster's doing */
export function supervisedUnits(
  supervisor: Supervisor,
  isOurs: (unit: string) => boolean,
): ReadonlyMap<string, Supervised> {
  const statuses = supervisor.statuses().filter(({ name }) => isOurs(name));
  return new Map(
    statuses.map(({ name, file, active, invocation, expired }) => [
      name,
      { file, up: active !== "inactive" && active !== "failed", invocation, expired: expired === true },
    ]),
  );
}
