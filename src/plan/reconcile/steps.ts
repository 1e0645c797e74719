/** The steps of a plan: what differs between the draft and the assignments there are. */
import { nameOfMachine } from "#model/cluster-state.ts";
import type { Assignment, FailedMove, UnitRecord } from "#model/records.ts";
import type { ClusterStep } from "#plan/cluster-plan.ts";
import { addFailure, failedMovesOf } from "./copies.ts";
import { type Draft, reasonKey } from "./draft.ts";
import { triedOn } from "./failures.ts";
import type { Move } from "./moves.ts";
import { type Home, isTemplate, type Standing } from "./standing.ts";
import { keepsEarlierFile, waitingForStop } from "./strict-wait.ts";

/** Units are taken off machines first, so that a plan that is cut short leaves room and not doubles. */
export function stepsOf(draft: Draft): readonly ClusterStep[] {
  const steps = [...unwantedSteps(draft)];
  for (const standing of draft.standings.values()) {
    if (standing.placement?.global === true) steps.push(...globalSteps(draft, standing));
    else steps.push(...ordinarySteps(draft, standing));
  }
  const first = steps.filter((step) => step.kind === "unassign");
  return [...first, ...steps.filter((step) => step.kind !== "unassign")];
}

/** Assignments of units that nobody asks for any more; lost machines too, since the operator's word is not held back. */
function* unwantedSteps({ view, standings }: Draft): Generator<ClusterStep> {
  for (const machine of [...view.assignments.keys()].sort()) {
    for (const unit of [...(view.assignments.get(machine)?.keys() ?? [])].sort()) {
      if (standings.has(unit)) continue;
      yield { kind: "unassign", unit, machine, reason: unwantedReason(unit, view.units.get(unit)) };
    }
  }
}

function unwantedReason(unit: string, record: UnitRecord | undefined): string {
  if (record === undefined) return "the unit was destroyed";
  return isTemplate(unit) ? "a template cannot run" : `operator asked for ${record.desired}`;
}

function globalSteps(draft: Draft, standing: Standing): readonly ClusterStep[] {
  const { unit, homes } = standing;
  const steps: ClusterStep[] = [];
  for (const machine of draft.scheduler.placesOf(unit)) {
    const home = homes.find((other) => other.machine === machine.facts.id);
    if (home !== undefined) steps.push(...inPlace(draft, standing, home));
    else steps.push(newAssignment(draft, standing, machine.facts.id));
  }
  steps.sort((left, right) =>
    "machine" in left && "machine" in right && left.machine < right.machine ? -1 : 1,
  );
  for (const home of homes) {
    if (draft.scheduler.machine(home.machine)?.units.has(unit)) continue;
    // One that comes back goes on with what it has run all the time.
    if (!home.present) continue;
    steps.push(
      unassign(draft, unit, home, draft.leaving.get(unit)?.reason ?? "it does not fit there any more"),
    );
  }
  return steps;
}

function ordinarySteps(draft: Draft, standing: Standing): readonly ClusterStep[] {
  const { unit, homes, source } = standing;
  const [target] = draft.scheduler.placesOf(unit);
  const move = draft.moves.get(unit);
  const home = target === undefined ? (source ?? homes[0]) : homes[0];
  const kept = new Set([target?.facts.id ?? home?.machine, move?.from.machine]);
  const isLostHome = (other: Home): boolean => other === home && !other.present;
  const surplus = homes.filter((other) => !kept.has(other.machine) && !isLostHome(other));
  const steps: ClusterStep[] = surplus.map((other) =>
    unassign(draft, unit, other, surplusReason(draft, standing, other)),
  );
  if (target === undefined) steps.push(...withoutMachine(draft, standing, home));
  else if (move !== undefined) steps.push(...moveSteps(draft, standing, move));
  else {
    const there = homes.find(({ machine }) => machine === target.facts.id);
    if (there !== undefined) {
      const stopping = surplus.find(({ present }) => present);
      const keeps = keepsEarlierFile(draft, standing, there, stopping);
      steps.push(...(keeps ? [] : inPlace(draft, standing, there)));
    } else
      steps.push({
        ...newAssignment(draft, standing, target.facts.id),
        ...(home === undefined ? {} : { from: home.machine }),
      });
  }
  return steps;
}

function surplusReason(draft: Draft, { unit, homes, source, failed }: Standing, home: Home): string {
  const cause = failed.get(home);
  if (cause !== undefined) return `its copy came to nothing: ${cause}`;
  const [target] = draft.scheduler.placesOf(unit);
  if (source !== undefined && home === homes[0])
    return draft.leaving.get(unit)?.reason ?? `it stays on ${nameOfMachine(draft.view, source.machine)}`;
  const place = target?.facts.id ?? homes[0]?.machine ?? home.machine;
  return `it is on ${nameOfMachine(draft.view, place)} already`;
}

/**
 * A unit that fits nowhere leaves a present machine. On a lost one it stays assigned, so that it simply goes on when
 * that machine comes back; only a finished one has nothing to come back for.
 */
function withoutMachine(draft: Draft, { unit, finished }: Standing, home: Home | undefined): ClusterStep[] {
  if (home === undefined) return [];
  if (home.present)
    return [unassign(draft, unit, home, draft.leaving.get(unit)?.reason ?? "it fits there no more")];
  if (!finished || draft.losses.holding !== undefined) return [];
  return [unassign(draft, unit, home, "it has finished")];
}

function moveSteps(draft: Draft, standing: Standing, { kind, from, to, copy }: Move): readonly ClusterStep[] {
  const { unit } = standing;
  switch (kind) {
    case "begin": {
      const step = newAssignment(draft, standing, to);
      const begun = { ...step, assignment: { ...step.assignment, movesFrom: from.machine } };
      return [begun, ...noteFailures(draft, standing, from)];
    }
    case "finish":
    case "at-once":
      return [{ ...newAssignment(draft, standing, to, copy), from: from.machine }];
    case "stop-first":
      if (!draft.unplaced.has(unit)) draft.unplaced.set(unit, waitingForStop(draft, unit, from.machine));
      return [unassign(draft, unit, from, draft.leaving.get(unit)?.reason ?? reasonAt(draft, unit, to))];
    case "wait":
      return inPlace(draft, standing, copy ?? from);
  }
}

/** @param copy what is there of the unit already, which is to replace another */
function newAssignment(
  draft: Draft,
  standing: Standing,
  machine: string,
  copy?: Home,
): Extract<ClusterStep, { kind: "assign" }> {
  const { unit, record } = standing;
  const reason = copy?.assignment.reason ?? reasonAt(draft, unit, machine);
  const tried = draft.tried.get(unit) ?? triedOn(standing);
  const assignment: Assignment = {
    file: record.file,
    desired: record.desired === "launched" ? "launched" : "loaded",
    launch: record.launch,
    reason,
    assignedMs: copy?.assignment.assignedMs ?? draft.context.nowMs,
    ...(tried.length === 0 ? {} : { tried: [...tried] }),
  };
  return { kind: "assign", unit, machine, assignment, reason };
}

function reasonAt(draft: Draft, unit: string, machine: string): string {
  return draft.reasons.get(reasonKey(unit, machine)) ?? "it fits there";
}

/** The unit stays, and why it is there stays true; what it shall be there may change. */
function inPlace(draft: Draft, standing: Standing, home: Home): readonly ClusterStep[] {
  const { unit, record, placement, source } = standing;
  const { assignment, machine } = home;
  const reason = placement === undefined ? undefined : changeOf(assignment, record);
  const hasArrived = assignment.movesFrom !== undefined && source?.machine !== assignment.movesFrom;
  if (reason === undefined && !hasArrived) return noteFailures(draft, standing, home);
  const { movesFrom, failedMoves: _, ...rest } = assignment;
  const desired = record.desired === "launched" ? "launched" : "loaded";
  const under = hasArrived || movesFrom === undefined ? {} : { movesFrom };
  const failures = failuresOf(draft, standing, assignment);
  const noted = failures.length === 0 ? {} : { failedMoves: [...failures] };
  const next = { ...rest, ...under, ...noted, file: record.file, desired, launch: record.launch } as const;
  return [
    { kind: "assign", unit, machine, assignment: next, reason: reason ?? "it is on no other machine now" },
  ];
}

/** Copies of the unit that came to nothing elsewhere are noted where it stays, so that they are not tried again at once. */
function noteFailures(draft: Draft, standing: Standing, home: Home): readonly ClusterStep[] {
  const { unit, failed } = standing;
  if (failed.size === 0) return [];
  const failedMoves = [...failuresOf(draft, standing, home.assignment)];
  const assignment = { ...home.assignment, failedMoves };
  const places = [...failed.keys()].map(({ machine }) => nameOfMachine(draft.view, machine));
  return [
    {
      kind: "assign",
      unit,
      machine: home.machine,
      assignment,
      reason: `its copy failed on ${places.join(" and ")}`,
    },
  ];
}

/** Moves of the launch that is asked for, those among them that have just failed; the old copy may be of another. */
function failuresOf(
  { context }: Draft,
  { failed, record: { launch } }: Standing,
  assignment: Assignment,
): readonly FailedMove[] {
  let failures = failedMovesOf(assignment, launch);
  for (const [{ machine }, cause] of failed)
    failures = addFailure(failures, { machine, cause, failedMs: context.nowMs, launch });
  return failures;
}

function changeOf(assignment: Assignment, record: UnitRecord): string | undefined {
  if (assignment.file !== record.file) return `new unit file ${record.file.slice(0, 7)}`;
  if (assignment.desired !== record.desired) return `operator asked for ${record.desired}`;
  return assignment.launch === record.launch ? undefined : "operator asked to start it again";
}

function unassign(draft: Draft, unit: string, home: Home, reason: string): ClusterStep {
  const gone = `machine ${nameOfMachine(draft.view, home.machine)} is gone`;
  return { kind: "unassign", unit, machine: home.machine, reason: home.present ? reason : gone };
}
