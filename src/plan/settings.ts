/** The planner's settings where nothing else is said. */
import type { PlanSettings } from "./cluster-plan.ts";

/**
 * - `settleMs`: a loop that lost the store tries again at most 5 s later (base/backoff.ts), so after 5 s every machine
 *   that can come back has. A single machine's death does not wait for it.
 * - `stampedeShare`: losing half of the machines at once is more often a broken network or store than broken machines.
 * - `strictMarginMs`: the agent stops strict units before its lease can have expired; what is left is the time a kill
 *   takes and the drift of two clocks over one lease, well under 2 s.
 * - `movesAtOnce`: enough to keep the other machines busy, few enough that they are not overrun.
 * - `stopsAtOnce`: a unit that is stopped first is down for as long as its new machine takes to start all that come with
 *   it, so they are few.
 * - `copySettleMs`: a `Type=simple` service counts as active once its process is there; a program that is missing, or
 *   cannot read its configuration, has ended by then.
 */
export const DEFAULT_PLAN_SETTINGS: PlanSettings = {
  settleMs: 5_000,
  stampedeShare: 0.5,
  strictMarginMs: 2_000,
  movesAtOnce: 10,
  stopsAtOnce: 3,
  copySettleMs: 500,
};
