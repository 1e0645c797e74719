/**
 * Which units would be better placed elsewhere: what the scheduler would do otherwise if it chose anew, as few moves as
 * make a difference. Only a proposal: nothing is moved unless the operator says so.
 *
 * Invariants: pure and deterministic; each move goes where the unit is allowed; no move makes preferences or spread
 * worse, and one for the load's sake lowers the higher of two machines' loads; on what a plan comes to the next plan is
 * empty. It must not know how moves are carried out.
 */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import { LIMITS } from "#model/limits.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import { type Draft, openDraft } from "#plan/reconcile/draft.ts";
import { isStoreMember } from "#plan/reconcile/drains.ts";
import type { Standing } from "#plan/reconcile/standing.ts";
import type { ScheduledMachine } from "#plan/schedule/machine.ts";
import { evenLoad } from "./even-load.ts";
import { improveFit } from "./improve-fit.ts";
import type { Gain, Movable } from "./movable.ts";

export interface Relocation {
  readonly unit: string;
  readonly from: string;
  readonly to: string;
  /** What it gains, in a sentence. */
  readonly reason: string;
}

export interface MachineLoad {
  readonly machine: string;
  readonly name: string;
  /** Dominant share of its resources, 0 to 1 and above. */
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly unitsBefore: number;
  readonly unitsAfter: number;
}

export interface RebalancePlan {
  /** In order of unit; empty: it is balanced. */
  readonly moves: readonly Relocation[];
  readonly machines: readonly MachineLoad[];
}

export interface RebalanceOptions {
  /** Also units that may not overlap with themselves: they stop before they start elsewhere. */
  readonly strict: boolean;
}

/** The moves that would even the cluster out, and what they come to. */
export function planRebalance(
  view: ClusterView,
  context: PlanContext,
  { strict }: RebalanceOptions,
): RebalancePlan {
  const draft = openDraft(view, context);
  const { scheduler } = draft;
  const before = scheduler.machines.map(({ load, units }) => ({ load, units: units.size }));
  const movables = findMovables(draft, strict);
  const homes = new Map(movables.map((movable) => [movable.unit, movable.machine]));
  const gains = new Map<string, Gain>();
  const move = (movable: Movable, to: ScheduledMachine, gain: Gain): void => {
    scheduler.remove(movable.unit, movable.machine);
    scheduler.add(movable.unit, movable.placement, to);
    movable.machine = to;
    gains.set(movable.unit, gain);
  };
  // Evening the load out may open a better spread, which counts more; each round comes nearer, so that they end.
  for (let left: number = LIMITS.rebalanceMoves, moved = -1; moved !== 0 && left > 0; left -= moved) {
    moved = improveFit(scheduler, movables, left, move);
    moved += evenLoad(scheduler, movables, left - moved, move);
  }
  const moves = movables.flatMap(({ unit, machine }) => {
    const from = homes.get(unit);
    if (from === undefined || from === machine) return [];
    const reason = gains.get(unit)?.reason ?? "";
    return [{ unit, from: from.facts.id, to: machine.facts.id, reason }];
  });
  const machines = scheduler.machines.map(({ facts, load, units }, index) => ({
    machine: facts.id,
    name: nameOfMachine(view, facts.id),
    loadBefore: before[index]?.load ?? 0,
    loadAfter: load,
    unitsBefore: before[index]?.units ?? 0,
    unitsAfter: units.size,
  }));
  return { moves, machines };
}

/** Units that can be moved by themselves, without others that have to come along or make way. In order of name. */
function findMovables(draft: Draft, strict: boolean): Movable[] {
  const { standings, scheduler } = draft;
  const leaders = new Set([...standings.values()].flatMap(({ placement }) => placement?.machineOf ?? []));
  const found: Movable[] = [];
  for (const standing of standings.values()) {
    const { unit, placement, homes } = standing;
    const machine = scheduler.machine(homes[0]?.machine ?? "");
    if (placement === undefined || machine === undefined || leaders.has(unit)) continue;
    if (!maySettleElsewhere(standing) || !(placement.overlap || strict)) continue;
    if (machine.facts.cordoned || draft.drains.has(machine.facts.id)) continue;
    found.push({ unit, placement, machine });
  }
  return found;
}

function maySettleElsewhere({ unit, placement, homes, finished }: Standing): boolean {
  if (placement === undefined || placement.global || finished || isStoreMember(unit)) return false;
  return homes.length === 1 && placement.machineOf.length === 0 && placement.replaces.length === 0;
}
