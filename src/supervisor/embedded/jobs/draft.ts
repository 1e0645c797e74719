/** A transaction in the making: the jobs wanted so far, several for a unit if need be, and which job pulled in which. */
import type { QueuedType } from "./job-type.ts";

export interface PlannedJob {
  readonly unit: string;
  readonly type: QueuedType;
  ignoreOrder: boolean;
  /** Whether the anchor cannot do without this job. */
  matters: boolean;
  readonly pulls: Set<Link>;
  readonly pulledBy: Set<Link>;
}

/** `by` has pulled in `job`. */
export interface Link {
  readonly by: PlannedJob;
  readonly job: PlannedJob;
  /** Whether `by` cannot do without `job`. */
  readonly matters: boolean;
  /** Whether it is a stop because of Conflicts=. */
  readonly conflicts: boolean;
}

export class Draft {
  readonly #jobs = new Map<string, PlannedJob[]>();
  #anchor: PlannedJob | undefined;

  /** The job that was asked for. It is never dropped. */
  get anchor(): PlannedJob | undefined {
    return this.#anchor;
  }

  has(unit: string): boolean {
    return this.#jobs.has(unit);
  }

  /** The unit's jobs, the one added last first, which stands for the unit until they are merged. */
  of(unit: string): readonly PlannedJob[] {
    return this.#jobs.get(unit) ?? [];
  }

  units(): readonly string[] {
    return [...this.#jobs.keys()];
  }

  jobs(): readonly PlannedJob[] {
    return [...this.#jobs.values()].flat();
  }

  /** The unit's job of this type, and whether it was added just now. The first job of all is the anchor. */
  add(unit: string, type: QueuedType): { readonly job: PlannedJob; readonly isNew: boolean } {
    const known = this.of(unit).find((job) => job.type === type);
    if (known !== undefined) return { job: known, isNew: false };
    const job: PlannedJob = {
      unit,
      type,
      ignoreOrder: false,
      matters: false,
      pulls: new Set(),
      pulledBy: new Set(),
    };
    this.#jobs.set(unit, [job, ...this.of(unit)]);
    this.#anchor ??= job;
    return { job, isNew: true };
  }

  link(link: Link): void {
    link.by.pulls.add(link);
    link.job.pulledBy.add(link);
  }

  /** Takes the job out; with `dependents`, also those that cannot do without it. */
  delete(job: PlannedJob, dependents: boolean): void {
    const rest = this.of(job.unit).filter((other) => other !== job);
    if (rest.length === 0) this.#jobs.delete(job.unit);
    else this.#jobs.set(job.unit, rest);
    for (const link of job.pulls) link.job.pulledBy.delete(link);
    job.pulls.clear();
    const lost = [...job.pulledBy];
    job.pulledBy.clear();
    for (const link of lost) link.by.pulls.delete(link);
    if (!dependents) return;
    for (const { by, matters } of lost) if (matters && this.of(by.unit).includes(by)) this.delete(by, true);
  }

  deleteUnit(unit: string): void {
    for (const job of this.of(unit)) if (this.of(unit).includes(job)) this.delete(job, true);
  }
}
