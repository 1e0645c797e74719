/** Machines that hold assignments and are not there, and whether so many went at once that nothing is moved yet. */
import { formatDuration } from "#base/duration.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import type { Assignment } from "#model/records.ts";
import type { ClusterPlan, PlanContext } from "#plan/cluster-plan.ts";

/** How soon silent machines are asked after again. */
const LOOK_AGAIN_MS = 500;

export interface Losses {
  /** Machine ID to the monotonic time at which it was first missed. */
  readonly since: ReadonlyMap<string, number>;
  /** Set while units of lost machines are left where they are. */
  readonly holding: ClusterPlan["holding"];
}

/**
 * Finds the lost machines that have something to be moved. One that the engine has not timed yet counts as lost just now.
 */
export function findLosses(view: ClusterView, context: PlanContext): Losses {
  const since = new Map<string, number>();
  for (const [machine, assignments] of view.assignments) {
    if (view.machines.has(machine)) continue;
    // Global units stay assigned where they were, however long a machine is away.
    const isGlobal = ([unit, { file }]: [string, Assignment]): boolean =>
      context.placementOf(unit, file)?.global === true;
    if ([...assignments].every(isGlobal)) continue;
    since.set(machine, context.lostSince.get(machine) ?? context.monotonicMs);
  }
  return { since, holding: holdingFor(since, view, context) };
}

/**
 * Machines that die together are not missed together: each is when its own lease ends, up to a third of a lease apart.
 * So machines that are silent count as well, until they are heard of again or are lost themselves. Nor do they come back
 * together: one that has just come back still counts, or the first would have the units of the others moved.
 */
function holdingFor(
  since: ReadonlyMap<string, number>,
  view: ClusterView,
  { settings, monotonicMs, returned = new Map(), silent = new Set() }: PlanContext,
): ClusterPlan["holding"] {
  if (since.size === 0) return undefined;
  const known = view.machines.size + since.size;
  const areMany = (count: number): boolean => count > 1 && count >= settings.stampedeShare * known;
  const hold = (missing: string, untilMs: number): ClusterPlan["holding"] => {
    const reason = `${missing}: their units stay assigned until nothing has changed for ${formatDuration(settings.settleMs)}`;
    return { untilMs, reason };
  };
  const back = [...returned].filter(
    ([id, lostMs]) => view.machines.has(id) && monotonicMs < lostMs + settings.settleMs,
  );
  if (areMany(since.size + back.length)) {
    const untilMs = Math.max(...since.values(), ...back.map(([, lostMs]) => lostMs)) + settings.settleMs;
    const missing = `${since.size} of ${known} machines are gone${back.length > 0 ? `, and ${back.length} have just come back` : ""}`;
    return monotonicMs < untilMs ? hold(missing, untilMs) : undefined;
  }
  const quiet = [...silent].filter((machine) => view.machines.has(machine)).length;
  if (quiet === 0 || !areMany(since.size + quiet)) return undefined;
  const missing = `${since.size + quiet} of ${known} machines are gone or silent`;
  return hold(missing, monotonicMs + LOOK_AGAIN_MS);
}
