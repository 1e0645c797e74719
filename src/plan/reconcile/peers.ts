/**
 * Units that have to be with others (MachineOf=) while those move: where a peer has not come yet its followers are not
 * put either, whatever the draft has in mind for both.
 */
import { nameOfMachine } from "#model/cluster-state.ts";
import type { Unplaced } from "#plan/cluster-plan.ts";
import type { Draft } from "./draft.ts";
import type { Standing } from "./standing.ts";

/** The peer of a unit that is not on the machine, nor comes there by this plan; what becomes of the peers is decided. */
export function missingPeer(draft: Draft, { placement }: Standing, machine: string): string | undefined {
  return placement?.machineOf.find((peer) => !comesTo(draft, peer, machine));
}

function comesTo({ scheduler, moves }: Draft, peer: string, machine: string): boolean {
  const move = moves.get(peer);
  const isPlaced = [...scheduler.placesOf(peer)].some(({ facts }) => facts.id === machine);
  if (move === undefined || !isPlaced) return isPlaced;
  return move.copy !== undefined || move.kind === "begin" || move.kind === "at-once";
}

/** Whether the peer is on the machine still, and will be after this plan. */
export function remains({ view, scheduler, moves }: Draft, peer: string, machine: string): boolean {
  if (view.assignments.get(machine)?.has(peer) !== true) return false;
  const move = moves.get(peer);
  if (move === undefined) return [...scheduler.placesOf(peer)].some(({ facts }) => facts.id === machine);
  return move.from.machine === machine && (move.kind === "wait" || move.kind === "begin");
}

/** Takes a unit that is new on a machine back from where its peer is not yet: it comes when that has come. */
export function holdBack(draft: Draft, standing: Standing): void {
  const { unit, homes } = standing;
  for (const place of [...draft.scheduler.placesOf(unit)]) {
    const { id } = place.facts;
    if (homes.some(({ machine }) => machine === id)) continue;
    const peer = missingPeer(draft, standing, id);
    if (peer === undefined) continue;
    draft.scheduler.remove(unit, place);
    draft.unplaced.set(unit, waitingForPeer(draft, unit, peer, id));
  }
}

/** A unit that is nowhere until its peer is on the machine that both are meant for. */
export function waitingForPeer({ view }: Draft, unit: string, peer: string, machine: string): Unplaced {
  const text = `waits until ${peer}, which it has to be with (MachineOf), is on ${nameOfMachine(view, machine)}`;
  return { unit, summary: text, refusals: [{ machine, code: "machine-of", text }] };
}
