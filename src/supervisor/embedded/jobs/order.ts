/** Whether the jobs of a draft, with those in the queue, can be put in an order (transaction_verify_order). Pure. */
import type { Draft } from "./draft.ts";
import { goesFirst, type QueuedType } from "./job-type.ts";
import { mergedType } from "./merged-type.ts";
import { activeOf, type InstalledJob, type MachineView } from "./view.ts";

/** Jobs that wait for each other in a circle, from the one found first backwards. */
export interface Cycle {
  /** The job that the search came back to. */
  readonly start: CycleJob;
  readonly jobs: readonly CycleJob[];
  /** The unit whose jobs can be dropped to break the circle, if there is one. */
  readonly dispensable?: CycleJob;
}

export interface CycleJob {
  readonly unit: string;
  readonly type: QueuedType;
}

type Job = CycleJob & Pick<InstalledJob, "ignoreOrder">;

/** The job that stands for a unit in the order. */
export type JobOf = (view: MachineView, draft: Draft, unit: string) => Job | undefined;

/** The first circle there is. */
export function findCycle(view: MachineView, draft: Draft, jobOf: JobOf): Cycle | undefined {
  const search: Search = { view, draft, jobOf, path: [], finished: new Set() };
  for (const unit of draft.units()) {
    const cycle = visit(search, unit);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

interface Search {
  readonly view: MachineView;
  readonly draft: Draft;
  readonly jobOf: JobOf;
  /** Units from where the search began to where it is. */
  readonly path: string[];
  /** Units from which no circle is reached. */
  readonly finished: Set<string>;
}

function visit(search: Search, unit: string): Cycle | undefined {
  if (search.finished.has(unit)) return undefined;
  if (search.path.includes(unit)) return describe(search, unit);
  search.path.push(unit);
  for (const later of laterUnits(search, unit)) {
    const cycle = visit(search, later);
    if (cycle !== undefined) return cycle;
  }
  search.path.pop();
  search.finished.add(unit);
  return undefined;
}

/** Units whose jobs wait for this unit's. */
function laterUnits({ view, draft, jobOf }: Search, unit: string): readonly string[] {
  const job = jobOf(view, draft, unit);
  if (job === undefined) return [];
  const waits = (other: string, relation: "before" | "after"): boolean => {
    const otherJob = jobOf(view, draft, other);
    if (otherJob === undefined) return false;
    return relation === "before"
      ? goesFirst(job, otherJob) === "first"
      : goesFirst(otherJob, job) === "second";
  };
  return [
    ...view.related(unit, "before").filter((other) => waits(other, "before")),
    ...view.related(unit, "after").filter((other) => waits(other, "after")),
  ];
}

/** What systemd looks at: of several jobs the one added last, and the queued one where the draft has none. */
export function lastJob(view: MachineView, draft: Draft, unit: string): Job | undefined {
  const [last = view.job(unit)] = draft.of(unit);
  return last === undefined ? undefined : { unit, type: last.type, ignoreOrder: last.ignoreOrder };
}

/** The job that the unit will have: that of the draft, merged with the queued one if they do not contradict each other. */
export function mergedJob(view: MachineView, draft: Draft, unit: string): Job | undefined {
  const planned = draft.of(unit);
  const queued = view.job(unit);
  const [last = queued, ...others] = planned;
  if (last === undefined) return undefined;
  const active = activeOf(view, unit);
  const type = mergedType([last, ...others], active) ?? last.type;
  const all = queued === undefined ? type : (mergedType([queued, { type }], active) ?? type);
  return { unit, type: all, ignoreOrder: last.ignoreOrder };
}

function describe({ view, draft, jobOf, path }: Search, start: string): Cycle {
  const units = path.slice(path.indexOf(start)).toReversed();
  const jobs = units.flatMap((unit) => jobOf(view, draft, unit) ?? []);
  const dispensable = jobs.find(
    ({ unit }) => draft.has(unit) && !draft.of(unit).some(({ matters }) => matters),
  );
  const first = jobs.at(-1) ?? { unit: start, type: "nop" };
  return { start: first, jobs, ...(dispensable === undefined ? {} : { dispensable }) };
}
