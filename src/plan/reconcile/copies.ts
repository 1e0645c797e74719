/**
 * The copy of a unit that is moved: whether it is up on its new machine, so that the old one may go, or has failed
 * there, so that the old one stays. Judged by what the new machine publishes.
 */
import type { ClusterView } from "#model/cluster-state.ts";
import type { Assignment, FailedMove, UnitRecord, UnitState } from "#model/records.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";

export type CopyState =
  | { readonly kind: "starting" }
  /** Monotonic time since when it is active, as far as the engine knows. */
  | { readonly kind: "active"; readonly sinceMs: number }
  | { readonly kind: "failed"; readonly cause: string };

/** After a failure the same machine is tried again after this time, then after twice as long, up to the longest. */
const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 900_000;
const CLOCKS_APART_MS = 10_000;

export function copyKey(unit: string, machine: string): string {
  return `${machine} ${unit}`;
}

/** What the copy of the unit on a machine has come to; what was said of an earlier launch or file does not count. */
export function judgeCopy(
  view: ClusterView,
  { copiesSince, monotonicMs }: PlanContext,
  { unit, record }: { readonly unit: string; readonly record: UnitRecord },
  machine: string,
): CopyState {
  const state = view.states.get(machine)?.get(unit);
  if (state === undefined || state.file !== record.file) return { kind: "starting" };
  if (state.load !== "loaded") return { kind: "failed", cause: state.message ?? state.load };
  if (state.launch !== record.launch) return { kind: "starting" };
  if (state.active === "active")
    return { kind: "active", sinceMs: copiesSince?.get(copyKey(unit, machine)) ?? monotonicMs };
  const isUnderWay = state.active !== "failed" && state.active !== "inactive";
  return isUnderWay && state.restarts === 0
    ? { kind: "starting" }
    : { kind: "failed", cause: causeOf(state) };
}

function causeOf({ active, sub, result, message }: UnitState): string {
  return message ?? (result === "success" ? `it is ${active} (${sub})` : result);
}

/** The moves of this launch of the unit that came to nothing, as they are noted where its old copy is. */
export function failedMovesOf(
  { failedMoves = [], launch: own }: Assignment,
  launch: number,
): readonly FailedMove[] {
  return failedMoves.filter((move) => (move.launch ?? own) === launch);
}

/** The moves with one more that came to nothing. */
export function addFailure(
  moves: readonly FailedMove[],
  failure: Omit<FailedMove, "count">,
): readonly FailedMove[] {
  const before = moves.find(({ machine }) => machine === failure.machine);
  const count = (before?.count ?? 0) + 1;
  return [...moves.filter((move) => move !== before), { ...failure, count }];
}

/**
 * How long after `nowMs` the machine may be tried again; 0 or less: it may be. An engine whose clock is set otherwise may
 * have written it: where that is plain to see, nothing is waited for.
 */
export function retryInMs({ failedMs, count }: FailedMove, nowMs: number): number {
  const pauseMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(count - 1, 10));
  const leftMs = failedMs + pauseMs - nowMs;
  return leftMs > pauseMs + CLOCKS_APART_MS ? 0 : leftMs;
}
