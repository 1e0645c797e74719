/** What the parts of a rebalance share: units that may move, and what a move is for. */
import type { ScheduledMachine } from "#plan/schedule/machine.ts";
import type { Placement } from "#unit/placement.ts";

/** A unit with the machine it is on as far as the plan has come. */
export interface Movable {
  readonly unit: string;
  readonly placement: Placement;
  machine: ScheduledMachine;
}

/** Why a move is worth it. */
export interface Gain {
  readonly reason: string;
}

/** Carries a move out in the scheduler. */
export type MoveUnit = (movable: Movable, to: ScheduledMachine, gain: Gain) => void;
