/** Moves of units to machines that they prefer, or where fewer of their kind are: what counts more than load. */
import { groupOf } from "#plan/schedule/group.ts";
import type { ScheduledMachine } from "#plan/schedule/machine.ts";
import type { Scheduler } from "#plan/schedule/scheduler.ts";
import { compareScores, type ScoreParts } from "#plan/schedule/score.ts";
import type { Gain, Movable, MoveUnit } from "./movable.ts";

/** Returns how many units it has moved, at most `limit`. */
export function improveFit(
  scheduler: Scheduler,
  movables: readonly Movable[],
  limit: number,
  move: MoveUnit,
): number {
  const choosy = movables.filter(
    ({ placement }) => placement.prefer.length > 0 || placement.spread.length > 0,
  );
  let moved = 0;
  for (let before = -1; before !== moved; ) {
    before = moved;
    for (const movable of choosy) {
      const better = moved < limit ? findBetter(scheduler, movable) : undefined;
      if (better === undefined) continue;
      move(movable, better.machine, better.gain);
      moved += 1;
    }
  }
  return moved;
}

/** The best machine for the unit, where it is better than its own in more than load. */
function findBetter(
  scheduler: Scheduler,
  movable: Movable,
): { readonly machine: ScheduledMachine; readonly gain: Gain } | undefined {
  const { unit, placement, machine: home } = movable;
  scheduler.remove(unit, home);
  const candidate = { unit, placement };
  const here = scheduler.score(home, candidate);
  let best: { machine: ScheduledMachine; score: ScoreParts } | undefined;
  for (const machine of scheduler.machines) {
    if (machine === home) continue;
    const score = scheduler.score(machine, candidate);
    if (compareFit(score, here) >= 0 || (best !== undefined && compareScores(score, best.score) >= 0))
      continue;
    if (scheduler.refusal(machine, candidate) === undefined) best = { machine, score };
  }
  scheduler.add(unit, placement, home);
  if (best === undefined) return undefined;
  return { machine: best.machine, gain: gainOf(unit, here, best.score) };
}

/** Less than 0 when `left` is better by what the unit prefers, or by spread; load is not looked at. */
export function compareFit(left: ScoreParts, right: ScoreParts): number {
  return compareScores({ ...left, load: 0 }, { ...right, load: 0 });
}

function gainOf(unit: string, here: ScoreParts, there: ScoreParts): Gain {
  if (there.prefer !== here.prefer) return { reason: "it prefers that machine" };
  const index = there.spread.findIndex((use, depth) => use.instances !== here.spread[depth]?.instances);
  const use = there.spread[index];
  const others = here.spread[index]?.instances ?? 0;
  const group = groupOf(unit) ?? unit;
  const reason = `spreads ${group} over ${use?.key ?? "machines"}: ${others} others where it is, ${use?.instances ?? 0} there`;
  return { reason };
}
