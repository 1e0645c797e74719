/**
 * Which placed units have to leave: those whose machine no longer passes the filters that hold for placed units.
 * Resources, cordons, MaxPerMachine=, Spread= and Prefer= never make a unit leave.
 */
import type { Refusal } from "#plan/cluster-plan.ts";
import { type Candidate, replacedOn } from "#plan/schedule/filters.ts";
import type { ScheduledMachine } from "#plan/schedule/machine.ts";
import type { Placement } from "#unit/placement.ts";
import { type Draft, type Leaving, reasonKey } from "./draft.ts";
import { isStoreMember } from "./drains.ts";
import type { Standing } from "./standing.ts";

interface Placed extends Candidate {
  readonly machine: ScheduledMachine;
}

/** Takes out of the scheduler what cannot stay, so that as few as possible leave. */
export function recheckPlaced(draft: Draft): void {
  const placed = placedUnits(draft, () => true);
  // What only the unit and its machine decide comes first: a unit that leaves for it may end another's conflict.
  for (const unit of placed) leaveIf(draft, unit, (code) => code !== "conflicts" && code !== "machine-of");
  recheckFollowers(draft);
  for (const unit of placed) if (unit.placement.replaces.length > 0) clearTheWay(draft, unit);
  for (const unit of placed) leaveIf(draft, unit, (code) => code === "conflicts");
  recheckFollowers(draft);
}

/** Followers (MachineOf=) leave where their peer is no longer, and theirs after them. Returns who left. */
export function recheckFollowers(draft: Draft): readonly string[] {
  const left: string[] = [];
  let followers = placedUnits(draft, ({ machineOf }) => machineOf.length > 0);
  for (let before = -1; before !== left.length; ) {
    before = left.length;
    for (const unit of followers)
      if (leaveIf(draft, unit, (code) => code === "machine-of")) left.push(unit.unit);
    followers = followers.filter(({ unit, machine }) => machine.units.has(unit));
  }
  return left;
}

/** Of two units that cannot be together the one that came later leaves; a unit whose file changes counts as the latest. */
function placedUnits(draft: Draft, counts: (placement: Placement) => boolean): readonly Placed[] {
  const placed: (Placed & { readonly since: number })[] = [];
  for (const standing of draft.standings.values()) {
    if (standing.finished || standing.placement === undefined || !counts(standing.placement)) continue;
    const { unit, placement } = standing;
    for (const machine of draft.scheduler.placesOf(unit))
      placed.push({ unit, placement, machine, since: sinceOf(standing, machine.facts.id) });
  }
  return placed.sort((left, right) => right.since - left.since || (left.unit < right.unit ? 1 : -1));
}

function sinceOf({ homes, record }: Standing, machine: string): number {
  const assignment = homes.find((home) => home.machine === machine)?.assignment;
  if (assignment === undefined || assignment.file !== record.file) return Number.POSITIVE_INFINITY;
  return assignment.assignedMs;
}

function leaveIf(draft: Draft, placed: Placed, counts: (code: Refusal["code"]) => boolean): boolean {
  const { unit, machine } = placed;
  if (!machine.units.has(unit)) return false;
  const refusal = draft.scheduler.refusal(machine, placed, true);
  if (refusal === undefined || !counts(refusal.code)) return false;
  const { code } = refusal;
  if (code === "draining" && isStoreMember(unit)) {
    noteStoreMember(draft, placed);
    return false;
  }
  const drain = code === "draining" ? draft.drains.get(machine.facts.id)?.reason : undefined;
  const fact = `${machine.facts.name} ${code === "machine-of" ? peerLeft(placed) : refusal.text}`;
  leave(draft, placed, { code, reason: drain ?? fact });
  goBack(draft, placed);
  if (code !== "conflicts") lingerAtHome(draft, placed);
  return true;
}

/** Where the peer will be is not decided yet, so that the refusal's own words would be wrong. */
function peerLeft({ placement, machine }: Placed): string {
  const left = placement.machineOf.filter((peer) => !machine.units.has(peer));
  return `no longer has ${left.join(" and ")} (MachineOf)`;
}

function leave(draft: Draft, { unit, machine }: Placed, leaving: Leaving): void {
  draft.scheduler.remove(unit, machine);
  draft.reasons.delete(reasonKey(unit, machine.facts.id));
  draft.leaving.set(unit, leaving);
}

/** A unit whose new copy cannot stay is kept where it runs, before others take its place there. */
function goBack({ scheduler, standings }: Draft, { unit, placement, machine }: Placed): void {
  const source = standings.get(unit)?.source;
  const old = scheduler.machine(source?.machine ?? "");
  if (old === undefined || old === machine || !old.lingering.has(unit)) return;
  old.unlinger(unit);
  if (scheduler.refusal(old, { unit, placement }, true) === undefined) scheduler.add(unit, placement, old);
  else old.linger(unit, placement);
}

/** What leaves for a reason that does not hurt it runs on until it is elsewhere; what was only to come there does not. */
function lingerAtHome({ standings }: Draft, { unit, placement, machine }: Placed): void {
  const standing = standings.get(unit);
  const isHome = standing?.homes[0]?.machine === machine.facts.id && standing.source === undefined;
  if (isHome && !machine.lingering.has(unit)) machine.linger(unit, placement);
}

function noteStoreMember({ pending }: Draft, { unit, machine }: Placed): void {
  const reason = "it is a member of the store, which flotilla store remove or replace moves";
  pending.set(unit, { unit, from: machine.facts.id, phase: "staying", reason, refusals: [] });
}

/** What a placed unit replaces goes elsewhere; where that is not possible the unit itself has to. */
function clearTheWay(draft: Draft, placed: Placed): void {
  const { unit, machine } = placed;
  if (!machine.units.has(unit)) return;
  for (const other of replacedOn(machine, placed)) {
    const displaced = draft.scheduler.displace(other, machine, unit);
    if (displaced === undefined) {
      const fact = `has ${other}, which the unit replaces but which fits on no other machine`;
      leave(draft, placed, { code: "conflicts", reason: `${machine.facts.name} ${fact}` });
      return;
    }
    draft.reasons.set(reasonKey(other, displaced.to), displaced.reason);
  }
}
