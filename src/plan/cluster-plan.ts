/**
 * What the engine decides: the types of a plan for the whole cluster. The planner itself is reconcile/plan-cluster.ts.
 * A plan is data: steps with a reason each, and for every unit that could not be placed why not, machine by machine.
 */
import type { ClusterView } from "#model/cluster-state.ts";
import type { Assignment } from "#model/records.ts";
import type { Placement } from "#unit/placement.ts";

export type ClusterStep =
  /** Put the unit on the machine, or change what it shall be there. */
  | {
      readonly kind: "assign";
      readonly unit: string;
      readonly machine: string;
      readonly assignment: Assignment;
      /** The machine the unit leaves by the same decision, when it moves: its assignment there is deleted with this step. */
      readonly from?: string;
      readonly reason: string;
    }
  /** Take the unit off the machine. */
  | { readonly kind: "unassign"; readonly unit: string; readonly machine: string; readonly reason: string }
  /** Forget a unit file that no unit, no history and no assignment refers to. */
  | { readonly kind: "collect-file"; readonly file: string; readonly reason: string }
  /** Forget a rebalance that is done, or cannot go on. */
  | { readonly kind: "close-rebalance"; readonly reason: string };

/** Why one machine cannot take a unit; `code` is stable, `text` is for people. */
export interface Refusal {
  readonly machine: string;
  readonly code:
    | "cordoned"
    | "draining"
    | "failed-there"
    | "machine-id"
    | "metadata"
    | "machine-of"
    | "conflicts"
    | "max-per-machine"
    | "cpu"
    | "memory"
    | "global"
    | "strict-wait";
  readonly text: string;
}

/** A unit that is asked for and runs nowhere; one that is bound to a lost machine may still be assigned to it. */
export interface Unplaced {
  readonly unit: string;
  readonly summary: string;
  readonly refusals: readonly Refusal[];
}

/** A unit that is to leave a machine and is still there. */
export interface PendingMove {
  readonly unit: string;
  readonly from: string;
  /** Absent where it can go nowhere for now. */
  readonly to?: string;
  /** `starting`: its copy at `to` comes up; `waiting`: its turn has not come; `staying`: it fits on no other machine. */
  readonly phase: "starting" | "waiting" | "staying";
  /** It waits, and nothing that is under way will end that. */
  readonly stuck?: true;
  readonly reason: string;
  readonly refusals: readonly Refusal[];
}

export interface ClusterPlan {
  readonly steps: readonly ClusterStep[];
  readonly unplaced: readonly Unplaced[];
  /** In order of unit. Those that start or wait may go on with any change of a unit's state. */
  readonly moves: readonly PendingMove[];
  /** Set when the plan holds back moves (no stampede): what is waited for; `untilMs` is monotonic. */
  readonly holding?: { readonly untilMs: number; readonly reason: string };
  /** There are units that are tried elsewhere when they have failed: each state may change the plan. */
  readonly followsStates?: true;
  /** Monotonic time at which the plan may come out different without any event. */
  readonly wakeAtMs?: number;
}

/** What the planner is told beside the cluster's state. */
export interface PlanContext {
  /** Wall clock, only written into assignments. */
  readonly nowMs: number;
  readonly monotonicMs: number;
  /** Placement of each unit file by hash, parsed once; undefined when the file is missing or unreadable. `%i` and the like make it depend on the unit's name. */
  readonly placementOf: (unit: string, file: string) => Placement | undefined;
  /** Machines that hold assignments but are not present, with the monotonic time at which the engine saw that first. */
  readonly lostSince: ReadonlyMap<string, number>;
  /** Machines that were missed and are back, with the monotonic time at which they were first missed. */
  readonly returned?: ReadonlyMap<string, number>;
  /** Machines that are present but have not renewed their leases when they should have: the next to be lost, perhaps. */
  readonly silent?: ReadonlySet<string>;
  /** Monotonic time at which the engine first saw a moving unit's new copy active, by `machine unit`. */
  readonly copiesSince?: ReadonlyMap<string, number>;
  /** Machines that are present and that nobody reaches. */
  readonly unreachable?: ReadonlySet<string>;
  readonly settings: PlanSettings;
}

export interface PlanSettings {
  /** How long to wait and re-read when many machines vanish at once. */
  readonly settleMs: number;
  /** `many`: more than one, and at least this share of all machines known. */
  readonly stampedeShare: number;
  /** After a strict unit's machine has gone, how long its last copy may still be stopping. */
  readonly strictMarginMs: number;
  /** How many units may be on their way from one machine at a time. */
  readonly movesAtOnce: number;
  /** How many of them may be units that are stopped before they are started elsewhere. */
  readonly stopsAtOnce: number;
  /** How long a moving unit's new copy is to have been active before the old one is stopped. */
  readonly copySettleMs: number;
}

export type PlanCluster = (view: ClusterView, context: PlanContext) => ClusterPlan;
