/** Moves from machines that carry much to machines that carry little, each as large as helps most. */
import type { ScheduledMachine } from "#plan/schedule/machine.ts";
import type { Scheduler } from "#plan/schedule/scheduler.ts";
import { compareFit } from "./improve-fit.ts";
import type { Movable, MoveUnit } from "./movable.ts";

/** Loads that differ by less than this share of the higher one count as even. */
const EVEN_WITHIN = 0.2;

interface Choice {
  readonly movable: Movable;
  readonly to: ScheduledMachine;
  /** The higher of the two machines' loads after the move. */
  readonly peak: number;
}

/** Returns how many units it has moved, at most `limit`. */
export function evenLoad(
  scheduler: Scheduler,
  movables: readonly Movable[],
  limit: number,
  move: MoveUnit,
): number {
  const byMachine = new Map(scheduler.machines.map((machine) => [machine, new Set<Movable>()]));
  for (const movable of movables) byMachine.get(movable.machine)?.add(movable);
  let moved = 0;
  for (; moved < limit; moved += 1) {
    const choice = choose(scheduler, byMachine);
    if (choice === undefined) break;
    const { movable, to } = choice;
    const from = movable.machine;
    const [high, low] = [percent(from.load), percent(to.load)];
    const reason = `evens the load out: ${from.facts.name} is at ${high}, ${to.facts.name} at ${low}`;
    byMachine.get(from)?.delete(movable);
    move(movable, to, { reason });
    byMachine.get(to)?.add(movable);
  }
  return moved;
}

/** The first pair of machines, the highest and the lowest first, between which a move helps. */
function choose(
  scheduler: Scheduler,
  byMachine: ReadonlyMap<ScheduledMachine, ReadonlySet<Movable>>,
): Choice | undefined {
  const ascending = [...scheduler.machines].sort((a, b) => a.load - b.load || a.index - b.index);
  for (const from of [...ascending].reverse()) {
    const movables = byMachine.get(from) ?? new Set();
    if (movables.size === 0) continue;
    for (const to of ascending) {
      if (from.load - to.load <= EVEN_WITHIN * from.load) break;
      const best = bestBetween(scheduler, movables, from, to);
      if (best !== undefined) return best;
    }
  }
  return undefined;
}

function bestBetween(
  scheduler: Scheduler,
  movables: ReadonlySet<Movable>,
  from: ScheduledMachine,
  to: ScheduledMachine,
): Choice | undefined {
  let best: Choice | undefined;
  for (const movable of movables) {
    const peak = peakAfter(scheduler, movable, from, to, best?.peak ?? from.load);
    if (peak !== undefined) best = { movable, to, peak };
  }
  return best;
}

/** The higher load once the unit has moved; undefined where that is not below `below`, or the unit may not. */
function peakAfter(
  scheduler: Scheduler,
  { unit, placement }: Movable,
  from: ScheduledMachine,
  to: ScheduledMachine,
  below: number,
): number | undefined {
  const candidate = { unit, placement };
  scheduler.remove(unit, from);
  const fits =
    scheduler.refusal(to, candidate) === undefined &&
    compareFit(scheduler.score(to, candidate), scheduler.score(from, candidate)) <= 0;
  const left = from.load;
  if (!fits) {
    scheduler.add(unit, placement, from);
    return undefined;
  }
  scheduler.add(unit, placement, to);
  const peak = Math.max(left, to.load);
  scheduler.remove(unit, to);
  scheduler.add(unit, placement, from);
  return peak < below ? peak : undefined;
}

function percent(load: number): string {
  return `${Math.round(load * 100)} %`;
}
