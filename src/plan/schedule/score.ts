/**
 * Which of several machines that fit is best, and the words for it. Parts are compared in order, not added up: what
 * the unit prefers, then how evenly it is spread, then the load, then the machine ID.
 */
import type { Preference } from "#unit/placement.ts";
import type { Candidate } from "./filters.ts";
import type { ScheduledMachine } from "./machine.ts";
import type { SpreadCounts, SpreadUse } from "./spread.ts";

export interface ScoreParts {
  /** Sum of the weights of the preferences the machine meets; more is better. */
  readonly prefer: number;
  /** Instances that share each value of Spread=; fewer is better. */
  readonly spread: readonly SpreadUse[];
  /** Dominant share of the machine's resources, 0 to 1 and above; less is better. */
  readonly load: number;
  readonly units: number;
}

export function preferenceOf(machine: ScheduledMachine, prefer: readonly Preference[]): number {
  let sum = 0;
  for (const wish of prefer) if (machine.facts.metadata[wish.key] === wish.value) sum += wish.weight;
  return sum;
}

export function scoreOf(
  machine: ScheduledMachine,
  candidate: Candidate,
  counts: SpreadCounts | undefined,
): ScoreParts {
  return {
    prefer: preferenceOf(machine, candidate.placement.prefer),
    spread: counts?.usesOf(machine) ?? [],
    load: machine.load,
    units: machine.units.size,
  };
}

/** Less than 0 when `left` is better; 0 only for equal parts, where the machine ID decides. */
export function compareScores(left: ScoreParts, right: ScoreParts): number {
  if (left.prefer !== right.prefer) return right.prefer - left.prefer;
  for (const [depth, use] of left.spread.entries()) {
    const difference = use.instances - (right.spread[depth]?.instances ?? 0);
    if (difference !== 0) return difference;
  }
  return left.load - right.load;
}

/**
 * Why this machine, in a sentence. `matching` is the number of machines that are open to the unit by their metadata;
 * whether each of them had room is not asked once the best is found.
 */
export function reasonFor(
  machine: ScheduledMachine,
  candidate: Candidate,
  score: ScoreParts,
  matching: number,
): string {
  const { placement } = candidate;
  if (placement.machineId !== undefined) return `pinned to ${placement.machineId} (MachineID)`;
  const parts: string[] = [];
  if (placement.machineOf.length > 0) parts.push(`with ${placement.machineOf.join(" and ")} (MachineOf)`);
  const wishes = placement.prefer.filter((wish) => machine.facts.metadata[wish.key] === wish.value);
  if (wishes.length > 0)
    parts.push(`prefers ${wishes.map((wish) => `${wish.key}=${wish.value}`).join(" and ")}`);
  if (score.spread.length > 0) parts.push(`spreads over ${score.spread.map((use) => use.key).join(" and ")}`);
  if (matching > 1) parts.push(`least loaded of ${matching} machines that match (${units(score.units)})`);
  if (parts.length === 0) parts.push("the only machine that matches");
  return parts.join(", ");
}

function units(count: number): string {
  return count === 1 ? "1 unit" : `${count} units`;
}
