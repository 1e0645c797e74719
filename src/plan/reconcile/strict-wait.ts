/** Strict units (Failover=strict) are placed only when their last copy has surely stopped. */

import { formatDuration } from "#base/duration.ts";
import { nameOfMachine } from "#model/cluster-state.ts";
import type { Unplaced } from "#plan/cluster-plan.ts";
import type { Draft } from "./draft.ts";
import type { Home, Standing } from "./standing.ts";

export interface StrictWait {
  readonly unplaced: Unplaced;
  /** Monotonic; undefined where a change of state ends the wait. */
  readonly untilMs: number | undefined;
}

/** What a unit waits for that may not run twice before it may be placed; undefined when nothing, or when it may. */
export function strictWaitOf(draft: Draft, standing: Standing): StrictWait | undefined {
  const { placement } = standing;
  if (placement?.overlap !== false) return undefined;
  const loss =
    waitForLease(draft, standing) ??
    (placement.failover === "strict" ? waitForLoss(draft, standing) : undefined);
  return loss ?? waitForCopy(draft, standing);
}

/** A machine that only does not answer may have its copy still; its lease tells when it is surely lost. */
function waitForLease(draft: Draft, { unit, homes }: Standing): StrictWait | undefined {
  const silent = homes.find(({ machine }) => draft.context.unreachable?.has(machine) === true);
  if (silent === undefined) return undefined;
  const name = nameOfMachine(draft.view, silent.machine);
  const text = `waits for the lease of ${name} to end, which does not answer, as it may run there still`;
  return { unplaced: waiting(unit, silent.machine, text), untilMs: undefined };
}

/**
 * Whether a unit that may not run twice keeps its earlier file where it is for now: under that it was perhaps global, and
 * its copies elsewhere have not stopped yet.
 * @param surplus a copy that this plan takes away
 */
export function keepsEarlierFile(draft: Draft, standing: Standing, home: Home, surplus?: Home): boolean {
  const { unit, record, placement } = standing;
  if (placement?.overlap !== false || record.desired !== "launched") return false;
  if (home.assignment.file === record.file) return false;
  const wait =
    surplus === undefined
      ? strictWaitOf(draft, standing)
      : { unplaced: waitingForStop(draft, unit, surplus.machine), untilMs: undefined };
  if (wait === undefined) return false;
  const { summary: reason, refusals } = wait.unplaced;
  if (wait.untilMs !== undefined) draft.wakeTimes.push(wait.untilMs);
  const from = refusals[0]?.machine ?? home.machine;
  draft.pending.set(unit, { unit, from, to: home.machine, phase: "waiting", reason, refusals: [] });
  return true;
}

function waitForLoss(draft: Draft, { unit, homes }: Standing): StrictWait | undefined {
  const { monotonicMs, settings } = draft.context;
  const waits = homes.flatMap(({ machine }) => {
    const since = draft.losses.since.get(machine);
    return since === undefined ? [] : [{ machine, untilMs: since + settings.strictMarginMs }];
  });
  const last = waits.reduce((latest, wait) => (wait.untilMs > latest.untilMs ? wait : latest), {
    machine: "",
    untilMs: Number.NEGATIVE_INFINITY,
  });
  if (last.untilMs <= monotonicMs) return undefined;
  const name = nameOfMachine(draft.view, last.machine);
  const left = formatDuration(last.untilMs - monotonicMs);
  const text = `waits ${left} more, as its copy on ${name} may still be stopping (Failover=strict)`;
  return { unplaced: waiting(unit, last.machine, text), untilMs: last.untilMs };
}

/** A copy that a present machine still reports, on its way out. */
function waitForCopy(draft: Draft, { unit }: Standing): StrictWait | undefined {
  for (const machine of [...draft.view.states.keys()].sort()) {
    if (draft.view.assignments.get(machine)?.has(unit)) continue;
    const active = draft.view.states.get(machine)?.get(unit)?.active;
    if (active === undefined || active === "inactive" || active === "failed") continue;
    return { unplaced: waitingForStop(draft, unit, machine), untilMs: undefined };
  }
  return undefined;
}

/** A unit that leaves a present machine and may not run twice: it is started elsewhere only after it has stopped there. */
export function waitingForStop(draft: Draft, unit: string, machine: string): Unplaced {
  const strict = draft.standings.get(unit)?.placement?.failover === "strict";
  const key = strict ? "Failover=strict" : "Overlap=no";
  const text = `waits until its copy on ${nameOfMachine(draft.view, machine)} has stopped (${key})`;
  return waiting(unit, machine, text);
}

function waiting(unit: string, machine: string, text: string): Unplaced {
  return { unit, summary: text, refusals: [{ machine, code: "strict-wait", text }] };
}
