/**
 * Plans what a request means for all units of a machine: which jobs are queued, or why it is refused.
 *
 * Pure, and the same for the same reading of the machine. The steps and their order are systemd's
 * (transaction_activate in transaction.c): jobs are pulled in, those that do not matter give way where jobs contradict
 * each other or wait for each other in a circle, and nothing is queued unless everything that matters can be.
 */
import type { JobMode } from "../../supervisor.ts";
import { Draft, type PlannedJob } from "./draft.ts";
import {
  type AnyType,
  collapse,
  isActiveOrActivating,
  isConflicting,
  isRedundant,
  merge,
  type QueuedType,
} from "./job-type.ts";
import { mergedType } from "./merged-type.ts";
import { type Cycle, findCycle, type JobOf, lastJob, mergedJob } from "./order.ts";
import { pullIn, pullInIsolated, pullInTriggering } from "./pull-in.ts";
import type { Refusal } from "./refusal.ts";
import { activeOf, type MachineView } from "./view.ts";

export interface PlanRequest {
  readonly type: AnyType;
  readonly unit: string;
  readonly mode: JobMode;
}

/** A job to be queued; each unit has one at most. */
export interface TransactionJob {
  readonly unit: string;
  readonly type: QueuedType;
  readonly ignoreOrder: boolean;
}

/** A line for a unit's journal about how the jobs were chosen. */
export interface Note {
  readonly unit: string;
  readonly priority: number;
  readonly text: string;
}

export type Transaction =
  | { readonly kind: "accepted"; readonly jobs: readonly TransactionJob[]; readonly notes: readonly Note[] }
  | ({ readonly kind: "refused"; readonly notes: readonly Note[] } & Refusal);

export function planTransaction(view: MachineView, request: PlanRequest): Transaction {
  const { unit, mode } = request;
  const notes: Note[] = [];
  const draft = new Draft();
  const refusal = isolateRefusal(view, request) ?? addAll(view, draft, request);
  if (refusal !== undefined) return { kind: "refused", notes, ...refusal };
  markMattering(draft);
  if (mode === "fail") minimizeImpact(view, draft);
  dropRedundant(view, draft);
  const contradiction = resolve(view, draft, mode, notes);
  if (contradiction !== undefined) return { kind: "refused", notes, ...contradiction };
  const merged = draft.units().map((name) => mergeJobs(view, draft, name));
  const jobs = merged.filter((job) => job.unit === unit || hasEffect(view, job));
  const destructive = destructiveJob(view, request, draft, jobs);
  if (destructive !== undefined) return { kind: "refused", notes, ...destructive };
  return { kind: "accepted", jobs, notes };
}

function isolateRefusal(view: MachineView, { mode, unit }: PlanRequest): Refusal | undefined {
  if (mode !== "isolate" || view.unit(unit)?.allowIsolate !== false) return undefined;
  return { error: "NoIsolation", message: "Operation refused, unit may not be isolated." };
}

function addAll(view: MachineView, draft: Draft, { type, unit, mode }: PlanRequest): Refusal | undefined {
  const refusal = pullIn(view, draft, {
    type: collapse(type, activeOf(view, unit)),
    unit,
    matters: true,
    ignoreRequirements: mode === "ignore-dependencies" || mode === "ignore-requirements",
    ignoreOrder: mode === "ignore-dependencies",
  });
  if (refusal !== undefined) return refusal;
  if (mode === "isolate") pullInIsolated(view, draft);
  if (mode === "triggering") pullInTriggering(view, draft);
  return undefined;
}

/** Marks the anchor and whatever it cannot do without, if only by way of others. */
function markMattering({ anchor }: Draft): void {
  const reached = new Set(anchor === undefined ? [] : [anchor]);
  for (const job of reached) {
    job.matters = true;
    for (const link of job.pulls) if (link.matters) reached.add(link.job);
  }
}

/** Mode fail: what does not matter shall neither stop what runs nor turn a queued job around. */
function minimizeImpact(view: MachineView, draft: Draft): void {
  deleteEach(draft, true, (job) => {
    if (job.matters) return false;
    const stops = job.type === "stop" && isActiveOrActivating(activeOf(view, job.unit));
    return stops || contradictsQueue(view, job);
  });
}

/** Drops the jobs of units that are as all of their jobs would have them. */
function dropRedundant(view: MachineView, draft: Draft): void {
  deleteEach(draft, false, (job) =>
    draft.of(job.unit).every((other) => other !== draft.anchor && !hasEffect(view, other)),
  );
}

function hasEffect(view: MachineView, job: TransactionJob): boolean {
  return !isRedundant(job.type, activeOf(view, job.unit)) || contradictsQueue(view, job);
}

function contradictsQueue(view: MachineView, { unit, type }: TransactionJob): boolean {
  const installed = view.job(unit);
  return installed !== undefined && isConflicting(type, installed.type);
}

/**
 * Drops jobs that nothing asks for any more; as in systemd, where a unit has several, only the one that stands for it.
 * In isolation, stops are there for their own sake.
 */
function collectGarbage(draft: Draft, mode: JobMode): void {
  if (mode === "isolate") return;
  deleteEach(draft, true, (job) => {
    const [head] = draft.of(job.unit);
    return job === head && job !== draft.anchor && job.pulledBy.size === 0;
  });
}

/** Deletes jobs until none is left of which that holds. */
function deleteEach(draft: Draft, dependents: boolean, isToGo: (job: PlannedJob) => boolean): void {
  for (;;) {
    const job = draft.jobs().find(isToGo);
    if (job === undefined) return;
    draft.delete(job, dependents);
  }
}

/**
 * Drops what does not matter and is in the way. The order is looked at again behind the merging, which systemd does not
 * do: a job that was merged or dropped there can have hidden a circle, in which jobs would wait for ever.
 */
function resolve(view: MachineView, draft: Draft, mode: JobMode, notes: Note[]): Refusal | undefined {
  return (
    breakCycles(view, draft, mode, notes, lastJob) ??
    dropUnmergeable(view, draft, mode) ??
    breakCycles(view, draft, mode, notes, mergedJob)
  );
}

function breakCycles(
  view: MachineView,
  draft: Draft,
  mode: JobMode,
  notes: Note[],
  jobOf: JobOf,
): Refusal | undefined {
  for (;;) {
    collectGarbage(draft, mode);
    const cycle = findCycle(view, draft, jobOf);
    if (cycle === undefined) return undefined;
    notes.push(...describeCycle(cycle));
    if (cycle.dispensable === undefined) {
      return {
        error: "TransactionOrderIsCyclic",
        message: `Transaction order is cyclic: ${cycle.jobs.map(({ unit }) => unit).join(" waits for ")}.`,
      };
    }
    draft.deleteUnit(cycle.dispensable.unit);
  }
}

function describeCycle({ start, jobs, dispensable }: Cycle): readonly Note[] {
  const { unit } = start;
  const found = jobs.map((job, index) => {
    const what = index === 0 ? "ordering cycle" : "dependency";
    return { unit, priority: 4, text: `${unit}: Found ${what} on ${job.unit}/${job.type}` };
  });
  const end =
    dispensable === undefined
      ? `Unable to break cycle starting with ${unit}/${start.type}`
      : `Job ${dispensable.unit}/${dispensable.type} deleted to break ordering cycle starting with ${unit}/${start.type}`;
  return [...found, { unit, priority: 3, text: `${unit}: ${end}` }];
}

/** Lets jobs that do not matter give way to those of the same unit that they contradict. */
function dropUnmergeable(view: MachineView, draft: Draft, mode: JobMode): Refusal | undefined {
  for (;;) {
    const unit = draft.units().find((name) => mergedType(draft.of(name), activeOf(view, name)) === undefined);
    if (unit === undefined) return undefined;
    const job = unmergeableJob(draft.of(unit));
    if (job === undefined) return jobsConflicting(draft.of(unit));
    draft.delete(job, true);
    collectGarbage(draft, mode);
  }
}

function jobsConflicting(jobs: readonly PlannedJob[]): Refusal {
  const [first, second] = conflictingPairs(jobs)[0] ?? [];
  return {
    error: "TransactionJobsConflicting",
    message:
      `Transaction contains conflicting jobs '${first?.type}' and '${second?.type}' for ${first?.unit}. ` +
      "Probably contradicting requirement dependencies configured.",
  };
}

function conflictingPairs(jobs: readonly PlannedJob[]): readonly (readonly [PlannedJob, PlannedJob])[] {
  return jobs.flatMap((first, index) =>
    jobs
      .slice(index + 1)
      .filter((second) => merge(first.type, second.type) === undefined)
      .map((second) => [first, second] as const),
  );
}

/** The job that goes: one that does not matter; of two such, the stop, unless it is there because of Conflicts=. */
function unmergeableJob(jobs: readonly PlannedJob[]): PlannedJob | undefined {
  const [pair] = conflictingPairs(jobs);
  if (pair === undefined) return undefined;
  const [first, second] = pair;
  if (first.matters) return second.matters ? undefined : second;
  if (second.matters) return first;
  const [stop, other] = first.type === "stop" ? [first, second] : [second, first];
  return [...stop.pulledBy].some(({ conflicts }) => conflicts) ? other : stop;
}

function mergeJobs(view: MachineView, draft: Draft, unit: string): TransactionJob {
  const type = mergedType(draft.of(unit), activeOf(view, unit)) ?? "nop";
  return { unit, type, ignoreOrder: draft.of(unit).some(({ ignoreOrder }) => ignoreOrder) };
}

/** Whether a queued job would have to go that must not. */
function destructiveJob(
  view: MachineView,
  { unit: anchor, mode }: PlanRequest,
  draft: Draft,
  jobs: readonly TransactionJob[],
): Refusal | undefined {
  for (const { unit, type } of jobs) {
    const installed = view.job(unit);
    if (installed === undefined || (mode !== "fail" && !installed.irreversible)) continue;
    if (!isConflicting(installed.type, type)) continue;
    return {
      error: "TransactionIsDestructive",
      message:
        `Transaction for ${anchor}/${draft.anchor?.type} is destructive ` +
        `(${unit} has '${installed.type}' job queued, but '${type}' is included in transaction).`,
    };
  }
  return undefined;
}
