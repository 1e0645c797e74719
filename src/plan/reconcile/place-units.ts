/** Puts the units that are nowhere on machines, in the order that placementOrder gives. */
import { formatDuration } from "#base/duration.ts";
import type { Capacity } from "#model/records.ts";
import type { Refusal } from "#plan/cluster-plan.ts";
import { summariseRefusals } from "#plan/refusals.ts";
import { type Candidate, replacedOn } from "#plan/schedule/filters.ts";
import { failedMovesOf, retryInMs } from "./copies.ts";
import { type Draft, reasonKey } from "./draft.ts";
import { stayFailed, triedOn } from "./failures.ts";
import { placementOrder } from "./order.ts";
import { recheckFollowers } from "./recheck.ts";
import type { Standing } from "./standing.ts";
import { stayOn } from "./stay.ts";
import { strictWaitOf } from "./strict-wait.ts";
import { lossReason } from "./unreachable.ts";

/** Places global units where they may be, then every other unit that is nowhere. */
export function placeUnits(draft: Draft): void {
  const standings = [...draft.standings.values()];
  for (const standing of standings) placeGlobal(draft, standing);
  placeAll(
    draft,
    standings.filter((standing) => isHomeless(draft, standing)),
  );
  // A unit that was moved out of the way takes its followers along.
  for (let left = recheckFollowers(draft); left.length > 0; left = recheckFollowers(draft)) {
    placeAll(
      draft,
      left.flatMap((unit) => draft.standings.get(unit) ?? []),
    );
  }
}

function placeGlobal(draft: Draft, { unit, placement }: Standing): void {
  if (placement?.global !== true) return;
  const { scheduler } = draft;
  const refusals: Refusal[] = [];
  for (const machine of scheduler.machines) {
    if (machine.units.has(unit)) continue;
    const refusal = scheduler.refusal(machine, { unit, placement });
    if (refusal !== undefined) {
      refusals.push(refusal);
      continue;
    }
    scheduler.add(unit, placement, machine);
    draft.reasons.set(reasonKey(unit, machine.facts.id), "global unit");
  }
  if (scheduler.placesOf(unit).size === 0) notePlacedNowhere(draft, unit, refusals);
}

/** True for a unit that this plan has to find a machine for. */
function isHomeless(draft: Draft, { unit, placement, homes, finished }: Standing): boolean {
  if (placement?.global === true || finished || draft.scheduler.placesOf(unit).size > 0) return false;
  const isLost = homes[0] !== undefined && !homes[0].present;
  return !(isLost && draft.losses.holding !== undefined);
}

function placeAll(draft: Draft, standings: readonly Standing[]): void {
  const candidates: Candidate[] = [];
  for (const standing of standings) {
    const { unit, placement } = standing;
    if (placement === undefined) noteUnreadable(draft, standing);
    else candidates.push({ unit, placement, ...avoiding(draft, standing) });
  }
  const ordered = placementOrder(candidates, largestCapacity(draft));
  // What runs and only moves waits, perhaps for one that is nowhere: it must not take its place.
  for (const candidate of ordered) if (!isRunningOn(draft, candidate.unit)) placeOne(draft, candidate);
  for (const candidate of ordered) if (isRunningOn(draft, candidate.unit)) placeOne(draft, candidate);
}

/** Leaves a machine gently, and is there until it is elsewhere. */
function isRunningOn({ standings, scheduler }: Draft, unit: string): boolean {
  const standing = standings.get(unit);
  const home = standing?.source ?? standing?.homes[0];
  return home !== undefined && scheduler.machine(home.machine)?.lingering.has(unit) === true;
}

/** Machines on which a copy of the unit has failed lately. */
function avoiding(
  { context, view, wakeTimes, tried: draftTried }: Draft,
  standing: Standing,
): Pick<Candidate, "avoid"> {
  const { homes, source, failed, record } = standing;
  const assignment = (source ?? homes[0])?.assignment;
  const avoid = new Map<string, string>();
  const failures = assignment === undefined ? [] : failedMovesOf(assignment, record.launch);
  for (const failure of failures) {
    const leftMs = retryInMs(failure, context.nowMs);
    if (leftMs <= 0) continue;
    wakeTimes.push(context.monotonicMs + leftMs);
    avoid.set(
      failure.machine,
      `had it fail (${failure.cause}), and is tried again in ${formatDuration(Math.ceil(leftMs / 1000) * 1000)}`,
    );
  }
  for (const { machine, cause } of draftTried.get(standing.unit) ?? triedOn(standing))
    avoid.set(machine, `had it fail (${cause})`);
  for (const [home, cause] of failed) avoid.set(home.machine, `has just had it fail (${cause})`);
  // What has stopped there for a rebalance is not to come back for it.
  const asked =
    homes.length > 0 ? undefined : view.rebalance?.moves.find((move) => move.unit === standing.unit);
  if (asked !== undefined) avoid.set(asked.from, "is what it leaves for a rebalance");
  return avoid.size === 0 ? {} : { avoid };
}

function noteUnreadable(draft: Draft, { unit, record }: Standing): void {
  const known = draft.view.files.has(record.file);
  const summary = `its unit file ${record.file.slice(0, 7)} ${known ? "cannot be read" : "is missing"}`;
  draft.unplaced.set(unit, { unit, summary, refusals: [] });
}

function largestCapacity(draft: Draft): Capacity {
  let cpuMillis = 0;
  let memoryBytes = 0;
  for (const { facts } of draft.scheduler.machines) {
    cpuMillis = Math.max(cpuMillis, facts.capacity.cpuMillis);
    memoryBytes = Math.max(memoryBytes, facts.capacity.memoryBytes);
  }
  return { cpuMillis, memoryBytes };
}

function placeOne(draft: Draft, candidate: Candidate): void {
  const standing = draft.standings.get(candidate.unit);
  if (standing === undefined || staysAfterAll(draft, standing, candidate)) return;
  const wait = strictWaitOf(draft, standing);
  if (wait !== undefined) {
    if (wait.untilMs !== undefined) draft.wakeTimes.push(wait.untilMs);
    draft.unplaced.set(candidate.unit, wait.unplaced);
    return;
  }
  const choice = draft.scheduler.place(candidate);
  if (choice.kind === "refused") {
    if (!stayFailed(draft, standing) && !stayOn(draft, candidate.unit, choice.refusals))
      notePlacedNowhere(draft, candidate.unit, choice.refusals);
    return;
  }
  const why = leavingReason(draft, standing);
  const reason = why === undefined ? choice.reason : `${why}: ${choice.reason}`;
  draft.reasons.set(reasonKey(candidate.unit, choice.machine), reason);
  for (const { unit, to, reason: moved } of choice.displaced) draft.reasons.set(reasonKey(unit, to), moved);
}

/** What made a unit leave may itself have left meanwhile: then nothing happens. */
function staysAfterAll(draft: Draft, { homes }: Standing, candidate: Candidate): boolean {
  const home = homes[0];
  const machine = home === undefined ? undefined : draft.scheduler.machine(home.machine);
  if (draft.tried.has(candidate.unit)) return false;
  if (machine === undefined || replacedOn(machine, candidate).length > 0) return false;
  if (draft.scheduler.refusal(machine, candidate, true) !== undefined) return false;
  draft.scheduler.add(candidate.unit, candidate.placement, machine);
  draft.leaving.delete(candidate.unit);
  return true;
}

function leavingReason(draft: Draft, { unit, homes }: Standing): string | undefined {
  const home = homes[0];
  if (home === undefined) return undefined;
  if (!home.present) return lossReason(draft.view, home.machine);
  return draft.leaving.get(unit)?.reason;
}

function notePlacedNowhere(draft: Draft, unit: string, refusals: readonly Refusal[]): void {
  draft.unplaced.set(unit, { unit, summary: summariseRefusals(refusals), refusals });
}
