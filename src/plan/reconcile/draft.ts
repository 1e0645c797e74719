/**
 * The planner's working paper: where each unit shall be, as far as it is decided. Local to one call of the planner;
 * the steps are what differs between it and the assignments there are.
 */
import { type ClusterView, effectiveMetadata, nameOfMachine } from "#model/cluster-state.ts";
import type { TriedMachine } from "#model/records.ts";
import type { PendingMove, PlanContext, Refusal, Unplaced } from "#plan/cluster-plan.ts";
import type { MachineFacts } from "#plan/schedule/machine.ts";
import { Scheduler } from "#plan/schedule/scheduler.ts";
import { type MachineDrain, readDrains } from "./drains.ts";
import { findLosses, type Losses } from "./losses.ts";
import type { Move } from "./moves.ts";
import { placementInForce, readStandings, type Standing } from "./standing.ts";
import { readUnreachable } from "./unreachable.ts";

/** Why a unit leaves; the code is that of the filter it no longer passes, where it is one. */
export interface Leaving {
  readonly code?: Refusal["code"];
  readonly reason: string;
}

export interface Draft {
  readonly view: ClusterView;
  readonly context: PlanContext;
  readonly losses: Losses;
  /** Machines that are emptied, by ID. */
  readonly drains: ReadonlyMap<string, MachineDrain>;
  readonly standings: ReadonlyMap<string, Standing>;
  /** Holds every unit that is, or by this plan comes to be, on a present machine. */
  readonly scheduler: Scheduler;
  /** Why a unit has to leave the machine it is on. */
  readonly leaving: Map<string, Leaving>;
  /** Why a unit is where this plan newly puts it; by unit and machine, since global units are on many. */
  readonly reasons: Map<string, string>;
  readonly unplaced: Map<string, Unplaced>;
  /** Where each unit has failed that is to be tried elsewhere now. */
  readonly tried: Map<string, readonly TriedMachine[]>;
  /** Units that are to leave a machine and are still there after this plan. */
  readonly pending: Map<string, PendingMove>;
  /** What is done for units that go from one present machine to another. */
  readonly moves: Map<string, Move>;
  /** Monotonic times at which something that is waited for has passed. */
  readonly wakeTimes: number[];
}

/** A draft in which every unit is where it is now, units of lost machines aside. */
export function openDraft(view: ClusterView, given: PlanContext): Draft {
  const context = { ...given, unreachable: readUnreachable(view, given) };
  const drains = readDrains(view);
  const draft: Draft = {
    view,
    context,
    drains,
    losses: findLosses(view, context),
    standings: readStandings(view, context),
    scheduler: new Scheduler(machineFacts(view, drains, context.unreachable)),
    leaving: new Map(),
    reasons: new Map(),
    unplaced: new Map(),
    tried: new Map(),
    pending: new Map(),
    moves: new Map(),
    wakeTimes: [],
  };
  for (const standing of draft.standings.values()) settleAtHome(draft, standing);
  draft.scheduler.weighUsage();
  return draft;
}

export function reasonKey(unit: string, machine: string): string {
  return `${machine} ${unit}`;
}

function machineFacts(
  view: ClusterView,
  drains: ReadonlyMap<string, MachineDrain>,
  unreachable: ReadonlySet<string>,
): readonly MachineFacts[] {
  const reachable = [...view.machines.values()].filter(({ id }) => !unreachable.has(id));
  return reachable.map((record) => {
    const config = view.machineConfigs.get(record.id);
    const usage = view.usages.get(record.id);
    return {
      id: record.id,
      name: record.name,
      metadata: effectiveMetadata(record, config),
      capacity: record.capacity,
      cordoned: config?.cordoned ?? false,
      draining: drains.has(record.id),
      ...(usage === undefined ? {} : { usage }),
    };
  });
}

/** A global unit stays on all its machines, any other on the best of them; where that is new, on the old one until it is up. */
function settleAtHome({ view, context, scheduler }: Draft, standing: Standing): void {
  const global = standing.placement?.global === true;
  for (const home of global ? standing.homes : standing.homes.slice(0, 1)) {
    const machine = scheduler.machine(home.machine);
    if (machine === undefined)
      scheduler.noteAway(standing.unit, `on ${nameOfMachine(view, home.machine)}, which is gone`);
    else scheduler.add(standing.unit, placementInForce(standing, home, context), machine);
  }
  const { source } = standing;
  if (source !== undefined)
    scheduler.machine(source.machine)?.linger(standing.unit, placementInForce(standing, source, context));
}
