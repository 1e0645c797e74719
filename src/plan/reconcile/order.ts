/**
 * In which order units are placed, since nothing is tried again: first those pinned to a machine, then the bigger ones,
 * then those that ask for metadata, then by name. A unit that others follow (MachineOf=) comes before them.
 */
import type { Capacity } from "#model/records.ts";
import type { Candidate } from "#plan/schedule/filters.ts";
import type { Placement } from "#unit/placement.ts";

type Wish = Pick<Candidate, "unit" | "placement">;

/** `candidates` in the order in which they are to be placed; `largest` is the largest machine's capacity. */
export function placementOrder(candidates: readonly Candidate[], largest: Capacity): readonly Candidate[] {
  const sized = candidates.map((candidate) => ({ candidate, size: sizeOf(candidate.placement, largest) }));
  sized.sort(
    (left, right) =>
      rank(left.candidate.placement) - rank(right.candidate.placement) ||
      right.size - left.size ||
      wishes(right.candidate.placement) - wishes(left.candidate.placement) ||
      (left.candidate.unit < right.candidate.unit ? -1 : 1),
  );
  return leadersFirst(sized.map(({ candidate }) => candidate));
}

function rank(placement: Placement): number {
  return placement.machineId === undefined ? 1 : 0;
}

function wishes(placement: Placement): number {
  return placement.metadata.length;
}

/** The larger of the shares of the largest machine that the unit reserves. */
function sizeOf({ reservation }: Placement, largest: Capacity): number {
  const cpu = (reservation.cpuMillis ?? 0) / Math.max(1, largest.cpuMillis);
  const memory = reservation.memoryShare ?? (reservation.memoryBytes ?? 0) / Math.max(1, largest.memoryBytes);
  return Math.max(cpu, memory);
}

/** Stable but for peers, which are pulled in front of the first unit that follows them. */
export function leadersFirst<T extends Wish>(candidates: readonly T[]): readonly T[] {
  if (candidates.every(({ placement }) => placement.machineOf.length === 0)) return candidates;
  const byName = new Map(candidates.map((candidate) => [candidate.unit, candidate]));
  const ordered = new Set<T>();
  // A stack instead of recursion: a chain of followers may be as long as there are units.
  const stack = [...candidates].reverse();
  const entered = new Set<T>();
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const peers = entered.has(top) ? [] : peersOf(top, byName).filter((peer) => !entered.has(peer));
    entered.add(top);
    if (peers.length > 0) {
      stack.push(...peers);
      continue;
    }
    stack.pop();
    ordered.add(top);
  }
  return [...ordered];
}

function peersOf<T extends Wish>(candidate: T, byName: ReadonlyMap<string, T>): readonly T[] {
  return candidate.placement.machineOf.flatMap((name) => byName.get(name) ?? []);
}
