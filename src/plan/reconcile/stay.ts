/** Units that a drain would move and that fit on no other machine: they stay, and those that they have to be with stay with them. */
import type { Refusal } from "#plan/cluster-plan.ts";
import { summariseRefusals } from "#plan/refusals.ts";
import type { ScheduledMachine } from "#plan/schedule/machine.ts";
import { type Draft, reasonKey } from "./draft.ts";

/**
 * Puts a unit that has found no machine back where it is, with a reason for it. False, and no change, where it must
 * leave all the same: the drain is forced, or not the drain alone is why it leaves.
 */
export function stayOn(draft: Draft, unit: string, refusals: readonly Refusal[]): boolean {
  const machine = drainedHome(draft, unit);
  if (machine === undefined || draft.drains.get(machine.facts.id)?.force === true) return false;
  const others = refusals.filter((refusal) => refusal.machine !== machine.facts.id);
  const why = others.length === 0 ? "there is no other machine" : summariseRefusals(others);
  return goBack(draft, unit, machine, `it fits on no other machine: ${why}`, others);
}

/** The drained machine that the unit is on and only leaves for the drain, or is under way from. */
function drainedHome(
  { standings, drains, leaving, scheduler }: Draft,
  unit: string,
): ScheduledMachine | undefined {
  const standing = standings.get(unit);
  const home = standing?.source ?? standing?.homes[0];
  const code = leaving.get(unit)?.code;
  if (home === undefined || !drains.has(home.machine)) return undefined;
  const machine = scheduler.machine(home.machine);
  const isUnderWay = standing?.source !== undefined && code === undefined;
  const gently = isUnderWay || code === "draining" || code === "machine-of";
  return gently && machine?.lingering.has(unit) === true ? machine : undefined;
}

function goBack(
  draft: Draft,
  unit: string,
  machine: ScheduledMachine,
  reason: string,
  refusals: readonly Refusal[],
): boolean {
  const { scheduler, pending } = draft;
  const placement = machine.lingering.get(unit);
  if (placement === undefined) return false;
  const peers = placement.machineOf.filter((peer) => !machine.units.has(peer));
  if (peers.some((peer) => drainedHome(draft, peer) !== machine || isNeededElsewhere(draft, peer, machine)))
    return false;
  machine.unlinger(unit);
  for (const place of scheduler.placesOf(unit)) {
    scheduler.remove(unit, place);
    draft.reasons.delete(reasonKey(unit, place.facts.id));
  }
  scheduler.add(unit, placement, machine);
  draft.leaving.delete(unit);
  pending.set(unit, { unit, from: machine.facts.id, phase: "staying", reason, refusals });
  for (const peer of peers)
    goBack(draft, peer, machine, `${unit}, which has to be with it, fits on no other machine`, refusals);
  return true;
}

/** Units that have to be with it have left the machine for good. */
function isNeededElsewhere({ scheduler }: Draft, unit: string, machine: ScheduledMachine): boolean {
  return [...scheduler.placesOf(unit)].some((place) =>
    [...place.units].some(
      ([other, { machineOf }]) => machineOf.includes(unit) && !machine.lingering.has(other),
    ),
  );
}
