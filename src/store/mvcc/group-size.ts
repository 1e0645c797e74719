/**
 * How many writes go to the disk together.
 *
 * As many as there are, while the disk is what takes long. But callers that all wait for one group leave the disk idle
 * while they are told, call again and are carried out; where that takes much longer than the disk, two groups of half the
 * size take turns: one is written while the other is carried out. Twice as long, because two groups are two errands to the
 * disk.
 */

/** What a write costs beside being carried out, telling its caller and the next call, takes about as long again. */
const CALLER_FACTOR = 2;
/** The weight of the newest in a smoothed time. */
const SMOOTHING = 1 / 8;

/** What is known of the costs, in ms, smoothed; undefined before the first. */
export interface WriteTimes {
  /** Carrying out one write. */
  readonly carryMs: number | undefined;
  /** Making a group durable. */
  readonly syncMs: number | undefined;
}

export const UNKNOWN_TIMES: WriteTimes = { carryMs: undefined, syncMs: undefined };

/** @param underWay the writes that are on their way to the disk or wait to be. */
export function groupSize(underWay: number, { carryMs = 0, syncMs = 0 }: WriteTimes): number {
  const idleMs = underWay * carryMs * CALLER_FACTOR;
  return idleMs > 2 * syncMs ? Math.ceil(underWay / 2) : underWay;
}

/** The smoothed time with one more. */
export function smoothed(before: number | undefined, newest: number): number {
  return before === undefined ? newest : before + (newest - before) * SMOOTHING;
}
