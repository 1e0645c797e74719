/**
 * Units that have failed for good where they are, and that may be tried on other machines (FailureMoves=). What a launch
 * was tried on stands in its assignment, so that no machine gets it twice; when all have been tried, or as many as the
 * unit allows, it stays failed on the last.
 */
import { nameOfMachine } from "#model/cluster-state.ts";
import type { TriedMachine, UnitState } from "#model/records.ts";
import type { Draft } from "./draft.ts";
import type { Home, Standing } from "./standing.ts";

/** It may have been a moment's trouble that others would meet as well: each try waits twice as long as the one before. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
const CLOCKS_APART_MS = 10_000;

/** Takes out of the scheduler what is to be tried elsewhere, in its machine's sight until it has a place. */
export function leaveFailed(draft: Draft): void {
  for (const standing of draft.standings.values()) {
    const { unit, placement, source } = standing;
    if (placement === undefined || placement.failureMoves === 0 || placement.global) continue;
    const failure = failureOf(draft, standing);
    const machine = draft.scheduler.machine(failure?.home.machine ?? "");
    if (failure === undefined || machine?.units.has(unit) !== true || source !== undefined) continue;
    const tried = triedOn(standing);
    if (tried.length >= placement.failureMoves || isTooSoon(draft, failure.state, tried.length)) continue;
    const { id, name } = machine.facts;
    const cause = causeOf(failure.state);
    draft.scheduler.remove(unit, machine);
    machine.linger(unit, placement);
    draft.leaving.set(unit, { code: "failed-there", reason: `it has failed on ${name} (${cause})` });
    const now = { machine: id, cause, failedMs: failure.state.sinceMs, launch: standing.record.launch };
    draft.tried.set(unit, [...tried.filter((one) => one.machine !== id), now]);
  }
}

/** No other machine takes it: it stays failed where it is. False for a unit that leaves for another reason. */
export function stayFailed(draft: Draft, { unit, placement, homes }: Standing): boolean {
  const machine = draft.scheduler.machine(homes[0]?.machine ?? "");
  if (!draft.tried.delete(unit) || machine === undefined || placement === undefined) return false;
  machine.unlinger(unit);
  draft.scheduler.add(unit, placement, machine);
  draft.leaving.delete(unit);
  return true;
}

/** Whether there is any unit for which a failure changes the plan. */
export function mayBeTriedElsewhere({ standings }: Draft): boolean {
  return [...standings.values()].some(({ placement }) => (placement?.failureMoves ?? 0) > 0);
}

/** Where this launch of the unit has failed before, oldest first. */
export function triedOn({ homes, record }: Standing): readonly TriedMachine[] {
  return (homes[0]?.assignment.tried ?? []).filter(({ launch }) => launch === record.launch);
}

/** That a failed unit stays as it is, and where it was tried; undefined for one that has not failed, or is not tried. */
export function describeFailures(draft: Draft, unit: string): string | undefined {
  const standing = draft.standings.get(unit);
  const allowed = standing?.placement?.failureMoves ?? 0;
  const failure = standing === undefined ? undefined : failureOf(draft, standing);
  if (standing === undefined || failure === undefined || allowed === 0) return undefined;
  const earlier = triedOn(standing).map(
    ({ machine, cause }) => `on ${nameOfMachine(draft.view, machine)} (${cause})`,
  );
  const here = `on ${nameOfMachine(draft.view, failure.home.machine)} (${causeOf(failure.state)})`;
  const places = [...earlier, here].join(", then ");
  if (draft.moves.has(unit)) return `it has failed ${places}, and goes to another machine`;
  if (earlier.length >= allowed)
    return `it has failed ${places}, and is tried nowhere else (FailureMoves=${allowed})`;
  return `it has failed ${places}, and is tried on another machine when there is one and it has waited`;
}

interface Failure {
  readonly home: Home;
  readonly state: UnitState;
}

/** What a strict unit was killed for with its lease is no failure of its own. */
function failureOf({ view }: Draft, { unit, homes, record }: Standing): Failure | undefined {
  const [home] = homes;
  const state = view.states.get(home?.machine ?? "")?.get(unit);
  if (home?.present !== true || state === undefined) return undefined;
  const isOfThisLaunch = state.launch === record.launch && state.file === record.file;
  const isForGood = state.active === "failed" && state.load === "loaded" && state.expired !== true;
  return isOfThisLaunch && isForGood && record.desired === "launched" ? { home, state } : undefined;
}

function causeOf({ result, message }: UnitState): string {
  return message ?? result;
}

/** The machine's clock may be set otherwise than the engine's: where that is plain to see, nothing is waited for. */
function isTooSoon({ context, wakeTimes }: Draft, { sinceMs }: UnitState, tries: number): boolean {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 10));
  const leftMs = sinceMs + pauseMs - context.nowMs;
  if (leftMs <= 0 || leftMs > pauseMs + CLOCKS_APART_MS) return false;
  wakeTimes.push(context.monotonicMs + leftMs);
  return true;
}
