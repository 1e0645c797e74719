/**
 * How units get from one present machine to another: a copy is brought up on the new machine, and only when it is
 * active is the old one stopped. Units that may not overlap with themselves are stopped first.
 *
 * Invariants: a unit has at most one new copy; the old one goes only for a copy that is active, or where nothing is
 * lost by it; of one template no more are under way or down than MaxUnavailable= allows; a unit comes after those that it
 * has to be with, and goes after those that have to be with it. What is under way stands in the assignments (`movesFrom`), so that any engine goes on with it.
 */
import { nameOfMachine } from "#model/cluster-state.ts";
import { exclude } from "#plan/schedule/filters.ts";
import type { ScheduledMachine } from "#plan/schedule/machine.ts";
import { ANYWHERE } from "#unit/placement.ts";
import { judgeCopy } from "./copies.ts";
import { Disruptions, type Pause } from "./disruptions.ts";
import type { Draft } from "./draft.ts";
import { leadersFirst } from "./order.ts";
import { holdBack, missingPeer, remains, waitingForPeer } from "./peers.ts";
import { type Home, isUnsaid, type Standing } from "./standing.ts";

/** What this plan does for a unit that is to leave a present machine for another. */
export interface Move {
  /**
   * `begin`: a copy at `to`, beside the old one; `finish`: take the old one away; `at-once`: both in one step;
   * `stop-first`: take it away and place it when it has stopped; `wait`: nothing yet.
   */
  readonly kind: "begin" | "finish" | "at-once" | "stop-first" | "wait";
  readonly from: Home;
  /** Machine ID. */
  readonly to: string;
  /** The new copy, where there is one. */
  readonly copy: Home | undefined;
}

/** A unit that the draft has on another machine than the one it runs on. */
interface Mover extends Omit<Move, "kind"> {
  readonly standing: Standing;
}

/** What cannot stay beside a unit of its machine, or without one, even for a while leaves it at once. */
export function partAtOnce(draft: Draft): void {
  for (const machine of draft.scheduler.machines) {
    if (machine.lingering.size === 0) continue;
    for (const [unit, placement] of machine.lingering) {
      const clashes = [...machine.units].some(
        ([other, theirs]) =>
          other !== unit && exclude({ unit, placement }, { unit: other, placement: theirs }),
      );
      if (clashes) machine.unlinger(unit);
    }
    while (dropFollowers(machine));
  }
}

/** True when a follower (MachineOf=) was dropped, so that its own followers have to be looked at again. */
function dropFollowers(machine: ScheduledMachine): boolean {
  const { units, lingering } = machine;
  const lonely = [...lingering].find(([, { machineOf }]) =>
    machineOf.some((peer) => !units.has(peer) && !lingering.has(peer)),
  );
  if (lonely === undefined) return false;
  machine.unlinger(lonely[0]);
  return true;
}

/** Decides for each unit under way what comes next; those that wait are among the draft's pending moves. */
export function planMoves(draft: Draft): void {
  const movers = [...draft.standings.values()].flatMap((standing) => moverOf(draft, standing) ?? []);
  if (movers.length === 0) return;
  const disruptions = new Disruptions(draft, movers);
  const followed = followersAt(draft);
  const moverNamed = new Map(movers.map((mover) => [mover.standing.unit, mover]));
  for (const standing of inOrder(draft)) {
    const mover = moverNamed.get(standing.unit);
    if (mover === undefined) {
      holdBack(draft, standing);
      continue;
    }
    const kind = decide(draft, mover, disruptions, followed);
    draft.moves.set(standing.unit, { kind, from: mover.from, to: mover.to, copy: mover.copy });
  }
}

/** Leaders first, since a follower needs its peer beside it. */
function inOrder({ standings }: Draft): readonly Standing[] {
  const all = [...standings.values()].map((standing) => ({
    unit: standing.unit,
    placement: standing.placement ?? ANYWHERE,
    standing,
  }));
  return leadersFirst(all).map(({ standing }) => standing);
}

function moverOf(draft: Draft, standing: Standing): Mover | undefined {
  const { unit, placement, homes, source, failed } = standing;
  const [target] = draft.scheduler.placesOf(unit);
  const from = source ?? homes[0];
  if (target === undefined || from === undefined || placement?.global === true) return undefined;
  const to = target.facts.id;
  if (!from.present || from.machine === to || failed.has(from)) return undefined;
  const copy = homes.find((home) => home.machine === to && !failed.has(home));
  // Of one that was global there is a copy that nobody has moved: it stays, the others are too many.
  if (copy !== undefined && source === undefined) return undefined;
  return { standing, from, to, copy };
}

function decide(
  draft: Draft,
  mover: Mover,
  disruptions: Disruptions,
  followed: ReadonlySet<string>,
): Move["kind"] {
  const { standing, from, copy } = mover;
  const { unit, placement, record } = standing;
  // What has failed is not running: nothing is to be waited for but its peers.
  if (draft.tried.has(unit)) return leaveAtOnce(draft, mover, true);
  const gentle = draft.scheduler.machine(from.machine)?.lingering.has(unit) === true;
  const overdue = draft.drains.get(from.machine)?.overdue === true;
  const hasPeers = placement?.machineOf.every((peer) => remains(draft, peer, from.machine)) !== false;
  if (gentle && hasPeers && placement?.overlap === false && isUnsaid(draft.view, standing, from)) {
    const reason = `${nameOfMachine(draft.view, from.machine)} has yet to say what has become of it there`;
    return wait(draft, mover, { phase: "waiting", reason });
  }
  const isIdle = record.desired === "loaded" || !isUp(draft, unit, from);
  if (!gentle || overdue || isIdle || !hasPeers) return leaveAtOnce(draft, mover, gentle && !overdue);
  const pause =
    copy === undefined ? disruptions.pauseFor(standing, from) : pauseOfCopy(draft, mover, followed);
  return pause === undefined ? begun(mover) : wait(draft, mover, pause);
}

function wait(draft: Draft, { standing: { unit }, from, to }: Mover, pause: Pause): "wait" {
  draft.pending.set(unit, { unit, from: from.machine, to, ...pause, refusals: [] });
  return "wait";
}

/** Nothing is lost by taking the old copy away now. @param patient it may stay for as long as its peers do */
function leaveAtOnce(draft: Draft, mover: Mover, patient: boolean): Move["kind"] {
  const { standing, from, to } = mover;
  const { unit, placement } = standing;
  const peer = missingPeer(draft, standing, to);
  if (peer === undefined) {
    const mayOverlap =
      placement?.overlap !== false || draft.tried.has(unit) || isOnlyLoaded(draft, standing, from);
    return mayOverlap ? "at-once" : "stop-first";
  }
  if (patient && remains(draft, peer, from.machine)) {
    const reason = `${peer}, which it has to be with (MachineOf), comes first`;
    return wait(draft, mover, { phase: "waiting", reason });
  }
  draft.unplaced.set(unit, waitingForPeer(draft, unit, peer, to));
  return "stop-first";
}

/**
 * It comes to its new machine together with what starts it there: a path or socket does not start without its service.
 * Strict units are told by what runs, never by what was said last.
 */
function isOnlyLoaded({ view }: Draft, { unit, record, placement }: Standing, { machine }: Home): boolean {
  const active = view.states.get(machine)?.get(unit)?.active;
  const isAtRest = active === "inactive" || active === "failed";
  return record.desired === "loaded" && isAtRest && placement?.failover !== "strict";
}

function begun({ standing, copy }: Mover): Move["kind"] {
  if (copy !== undefined) return "finish";
  return standing.placement?.overlap === false ? "stop-first" : "begin";
}

/** What keeps the old copy in place; undefined when the new one can do without it. */
function pauseOfCopy(
  draft: Draft,
  { standing, copy, from, to }: Mover,
  followed: ReadonlySet<string>,
): Pause | undefined {
  const { view, context, wakeTimes } = draft;
  const name = nameOfMachine(view, to);
  const state = judgeCopy(view, context, standing, to);
  const isCurrent =
    copy?.assignment.launch === standing.record.launch && copy.assignment.file === standing.record.file;
  if (state.kind !== "active" || !isCurrent)
    return { phase: "starting", reason: `its copy on ${name} is starting` };
  const settledMs = state.sinceMs + context.settings.copySettleMs;
  if (settledMs > context.monotonicMs) {
    wakeTimes.push(settledMs);
    return { phase: "starting", reason: `its copy on ${name} has just become active` };
  }
  const late = standing.placement?.machineOf.find((peer) => !hasArrived(draft, peer, to));
  if (late !== undefined)
    return {
      phase: "starting",
      reason: `${late}, which it has to be with (MachineOf), is starting on ${name}`,
    };
  if (!followed.has(`${from.machine} ${standing.unit}`)) return undefined;
  const source = nameOfMachine(view, from.machine);
  return { phase: "starting", reason: `units that have to be with it are still on ${source}` };
}

/** A peer whose copy might come to nothing yet would take back with it whoever has followed. */
function hasArrived({ view, context, standings }: Draft, peer: string, machine: string): boolean {
  const standing = standings.get(peer);
  if (standing?.source === undefined || standing.homes[0]?.machine !== machine) return true;
  return judgeCopy(view, context, standing, machine).kind === "active";
}

/** Runs there, or is on its way to; one that crashes again and again is not. */
export function isUp({ view }: Draft, unit: string, { machine }: Home): boolean {
  const state = view.states.get(machine)?.get(unit);
  if (state === undefined || state.sub === "auto-restart") return false;
  return ["active", "reloading", "refreshing", "activating"].includes(state.active);
}

/** `machine unit` of each unit that another on its machine has to be with. */
function followersAt({ standings, view }: Draft): ReadonlySet<string> {
  const followed = new Set<string>();
  for (const { unit, placement } of standings.values())
    for (const peer of placement?.machineOf ?? [])
      for (const [machine, units] of view.assignments)
        if (units.has(unit)) followed.add(`${machine} ${peer}`);
  return followed;
}
