/** Machines that hold assignments and are not there, and whether so many went at once that nothing is moved yet. */
import { formatDuration } from "#base/duration.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import type { ClusterPlan, PlanContext } from "#plan/cluster-plan.ts";

export interface Losses {
  /** Machine ID to the monotonic time at which it was first missed. */
  readonly since: ReadonlyMap<string, number>;
  /** Set while units of lost machines are left where they are. */
  readonly holding: ClusterPlan["holding"];
}

/** Finds the lost machines. One that the engine has not timed yet counts as lost just now. */
export function findLosses(view: ClusterView, context: PlanContext): Losses {
  const since = new Map<string, number>();
  for (const machine of view.assignments.keys()) {
    if (view.machines.has(machine)) continue;
    since.set(machine, context.lostSince.get(machine) ?? context.monotonicMs);
  }
  return { since, holding: holdingFor(since, view, context) };
}

function holdingFor(
  since: ReadonlyMap<string, number>,
  view: ClusterView,
  { settings, monotonicMs }: PlanContext,
): ClusterPlan["holding"] {
  const known = view.machines.size + since.size;
  if (since.size <= 1 || since.size < settings.stampedeShare * known) return undefined;
  const untilMs = Math.max(...since.values()) + settings.settleMs;
  if (monotonicMs >= untilMs) return undefined;
  const reason = `${since.size} of ${known} machines are gone: their units stay assigned until nothing has changed for ${formatDuration(settings.settleMs)}`;
  return { untilMs, reason };
}
