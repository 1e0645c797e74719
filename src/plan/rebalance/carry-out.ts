/** What the planner does of a rebalance that the operator has asked for: its moves, as far as they are still possible. */
import type { ClusterStep } from "#plan/cluster-plan.ts";
import { type Draft, reasonKey } from "#plan/reconcile/draft.ts";

/** Puts units that are to move where they are to come, and leaves alone what may not come there now. */
export function relocate(draft: Draft): void {
  for (const { unit, from, to, reason } of draft.view.rebalance?.moves ?? []) {
    const { scheduler, standings } = draft;
    const [source, target] = [scheduler.machine(from), scheduler.machine(to)];
    const standing = standings.get(unit);
    const isAtHome = standing?.homes[0]?.machine === from && source?.units.has(unit) === true;
    if (!isAtHome || target === undefined || standing.placement === undefined) continue;
    if (hasFailedAt(draft, unit, to)) continue;
    const candidate = { unit, placement: standing.placement };
    scheduler.remove(unit, source);
    if (scheduler.refusal(target, candidate) !== undefined) {
      scheduler.add(unit, standing.placement, source);
      continue;
    }
    source.linger(unit, standing.placement);
    scheduler.add(unit, standing.placement, target);
    draft.leaving.set(unit, { reason: `rebalance: ${reason}` });
    draft.reasons.set(reasonKey(unit, to), `rebalance: ${reason}`);
  }
}

function hasFailedAt({ standings }: Draft, unit: string, machine: string): boolean {
  const standing = standings.get(unit);
  const failures = standing?.homes[0]?.assignment.failedMoves ?? [];
  const now = [...(standing?.failed.keys() ?? [])];
  return (
    failures.some((failure) => failure.machine === machine) || now.some((home) => home.machine === machine)
  );
}

function isMoving({ moves, pending }: Draft, unit: string): boolean {
  return moves.has(unit) && pending.get(unit)?.stuck !== true;
}

function isStopping({ unplaced }: Draft, unit: string): boolean {
  return unplaced.get(unit)?.refusals.some(({ code }) => code === "strict-wait") === true;
}

/** Ends the rebalance when none of its moves is under way or can begin. To be asked when all moves are decided. */
export function closeRebalance(draft: Draft): readonly ClusterStep[] {
  const { rebalance } = draft.view;
  if (rebalance === undefined) return [];
  if (rebalance.moves.some(({ unit }) => isMoving(draft, unit) || isStopping(draft, unit))) return [];
  const left = rebalance.moves.filter(({ unit, from }) => {
    const standing = draft.standings.get(unit);
    return standing !== undefined && !standing.finished && standing.homes[0]?.machine === from;
  });
  const total = rebalance.moves.length;
  const all = total === 1 ? "its one unit has moved" : `all ${total} units have moved`;
  const reason =
    left.length === 0
      ? all
      : `${total - left.length} of ${total} units have moved; not ${left.map(({ unit }) => unit).join(", ")}`;
  return [{ kind: "close-rebalance", reason }];
}
