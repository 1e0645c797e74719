/** The steps of a plan: what differs between the draft and the assignments there are. */
import { nameOfMachine } from "#model/cluster-state.ts";
import type { Assignment, UnitRecord } from "#model/records.ts";
import type { ClusterStep } from "#plan/cluster-plan.ts";
import { type Draft, reasonKey } from "./draft.ts";
import { type Home, isTemplate, type Standing } from "./standing.ts";
import { waitingForStop } from "./strict-wait.ts";

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
    if (home !== undefined) steps.push(...inPlace(standing, home));
    else steps.push(newAssignment(draft, standing, machine.facts.id));
  }
  steps.sort((left, right) =>
    "machine" in left && "machine" in right && left.machine < right.machine ? -1 : 1,
  );
  for (const home of homes) {
    if (draft.scheduler.machine(home.machine)?.units.has(unit)) continue;
    if (!home.present && draft.losses.holding !== undefined) continue;
    steps.push(unassign(draft, unit, home, draft.leaving.get(unit) ?? "it does not fit there any more"));
  }
  return steps;
}

function ordinarySteps(draft: Draft, standing: Standing): readonly ClusterStep[] {
  const { unit, homes } = standing;
  const [home, ...others] = homes;
  const [target] = draft.scheduler.placesOf(unit);
  const steps: ClusterStep[] = others.map((other) => {
    const place = nameOfMachine(draft.view, home?.machine ?? other.machine);
    return unassign(draft, unit, other, `it is on ${place} already`);
  });
  if (target === undefined) steps.push(...withoutMachine(draft, standing, home));
  else if (home === undefined) steps.push(newAssignment(draft, standing, target.facts.id));
  else if (home.machine === target.facts.id) steps.push(...inPlace(standing, home));
  else steps.push(move(draft, standing, home, target.facts.id));
  return steps;
}

/**
 * A unit that fits nowhere leaves a present machine. On a lost one it stays assigned, so that it simply goes on when
 * that machine comes back; only a finished one has nothing to come back for.
 */
function withoutMachine(draft: Draft, { unit, finished }: Standing, home: Home | undefined): ClusterStep[] {
  if (home === undefined) return [];
  if (home.present) return [unassign(draft, unit, home, draft.leaving.get(unit) ?? "it fits there no more")];
  if (!finished || draft.losses.holding !== undefined) return [];
  return [unassign(draft, unit, home, "it has finished")];
}

function move(draft: Draft, standing: Standing, home: Home, machine: string): ClusterStep {
  const { unit, placement } = standing;
  if (home.present && placement?.failover === "strict") {
    draft.unplaced.set(unit, waitingForStop(draft, unit, home.machine));
    return unassign(draft, unit, home, draft.leaving.get(unit) ?? reasonAt(draft, unit, machine));
  }
  return { ...newAssignment(draft, standing, machine), from: home.machine };
}

function newAssignment(
  draft: Draft,
  { unit, record }: Standing,
  machine: string,
): Extract<ClusterStep, { kind: "assign" }> {
  const reason = reasonAt(draft, unit, machine);
  const assignment: Assignment = {
    file: record.file,
    desired: record.desired === "launched" ? "launched" : "loaded",
    launch: record.launch,
    reason,
    assignedMs: draft.context.nowMs,
  };
  return { kind: "assign", unit, machine, assignment, reason };
}

function reasonAt(draft: Draft, unit: string, machine: string): string {
  return draft.reasons.get(reasonKey(unit, machine)) ?? "it fits there";
}

/** The unit stays, and why it is there stays true; what it shall be there may change. */
function inPlace({ unit, record, placement }: Standing, home: Home): readonly ClusterStep[] {
  const { assignment, machine } = home;
  const reason = placement === undefined ? undefined : changeOf(assignment, record);
  if (reason === undefined) return [];
  const desired = record.desired === "launched" ? "launched" : "loaded";
  const next = { ...assignment, file: record.file, desired, launch: record.launch } as const;
  return [{ kind: "assign", unit, machine, assignment: next, reason }];
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
