/**
 * The queue of jobs: installs what a transaction brings, runs each job when those it waits for are over, and ends it
 * when its unit is where the job wants it, or cannot get there (systemd's job.c).
 *
 * Invariants: a unit has one job at most. Units are asked for something only from {@link JobQueue.dispatch}, never from
 * within a change of a unit's state. Jobs are lost with the supervisor's process; what they began is not.
 */
import type { ActiveState, JobError, JobMode, JobOutcome, JobResult } from "../../supervisor.ts";
import type { Atom } from "./atoms.ts";
import {
  goesFirst,
  isActiveOrActivating,
  isActiveOrReloading,
  isConflicting,
  isInactiveOrFailed,
  isSuperset,
  mergeFor,
} from "./job-type.ts";
import { endMessage } from "./messages.ts";
import type { TransactionJob } from "./plan.ts";
import { QueuedJob } from "./queued-job.ts";
import { firstToRun } from "./run-order.ts";
import type { Attempt, JobUnits } from "./units.ts";
import { activeOf, type MachineView } from "./view.ts";

export interface JobQueueEvents {
  /** The job has ended; `isFailure`: of a kind that OnFailure= is for and that the unit does not know of. */
  ended(unit: string, isFailure: boolean): void;
  /** There is something to dispatch. */
  ready(): void;
}

interface End {
  readonly result: JobResult;
  readonly message?: string | undefined;
  readonly error?: JobError | undefined;
  /** The job did nothing, so that nothing is said. */
  readonly quiet?: boolean | undefined;
  /** Jobs that depend on this one are left alone. */
  readonly alone?: boolean;
}

export class JobQueue {
  readonly #units: JobUnits;
  readonly #events: JobQueueEvents;
  readonly #jobs = new Map<string, QueuedJob>();
  /** Units whose job may be able to run now. */
  readonly #runnable = new Set<string>();
  /** Units that are stopped to be started again. */
  readonly #restarts = new Set<string>();
  readonly view: MachineView;

  constructor(units: JobUnits, events: JobQueueEvents) {
    this.#units = units;
    this.#events = events;
    this.view = {
      names: () => units.names(),
      unit: (name) => units.unit(name),
      job: (name) => this.#jobs.get(name),
      related: (unit, atom) => units.related(unit, atom),
    };
  }

  get isEmpty(): boolean {
    return this.#jobs.size === 0;
  }

  get(unit: string): QueuedJob | undefined {
    return this.#jobs.get(unit);
  }

  /** Puts the jobs of an accepted transaction in the queue. In modes isolate and flush all others go. */
  install(jobs: readonly TransactionJob[], mode: JobMode): void {
    if (mode === "isolate" || mode === "flush") this.#cancelOthers(new Set(jobs.map(({ unit }) => unit)));
    for (const job of jobs) this.#installOne(job, mode === "replace-irreversibly");
  }

  #cancelOthers(kept: ReadonlySet<string>): void {
    for (const job of this.#jobs.values()) {
      const isKept = kept.has(job.unit) || this.#units.unit(job.unit)?.ignoreOnIsolate === true;
      if (!isKept) this.#finish(job, { result: "canceled", alone: true });
    }
  }

  #installOne({ unit, type, ignoreOrder }: TransactionJob, irreversible: boolean): void {
    const known = this.#jobs.get(unit);
    if (known !== undefined && !isConflicting(known.type, type)) {
      this.#mergeInto(known, new QueuedJob(unit, type, { ignoreOrder, irreversible }));
    } else {
      if (known !== undefined) {
        const message = `replaced by a job to ${type} the unit`;
        this.#finish(known, { result: "canceled", message, alone: true });
      }
      const job = new QueuedJob(unit, type, { ignoreOrder, irreversible });
      this.#jobs.set(unit, job);
      this.#limitTime(job, this.#units.settings(unit)?.jobTimeoutMs);
    }
    this.#submit(unit);
  }

  /** A reload asked for while one runs is run behind it, since the first may have read the old configuration. */
  #mergeInto(known: QueuedJob, other: QueuedJob): void {
    const isCovered =
      known.state === "waiting" || (other.type !== "reload" && isSuperset(known.type, other.type));
    known.type = mergeFor(activeOf(this.view, known.unit), known.type, other.type) ?? known.type;
    known.irreversible ||= other.irreversible;
    known.ignoreOrder ||= other.ignoreOrder;
    if (!isCovered) known.again();
  }

  #submit(unit: string): void {
    this.#runnable.add(unit);
    this.#events.ready();
  }

  // --- running ---------------------------------------------------------------------------------------------------

  /** Runs what can run, `max` jobs at most. Returns how many there were to try. */
  dispatch(max: number): number {
    let tried = 0;
    for (; tried < max && this.#runnable.size > 0; tried += 1) {
      const unit = firstToRun(this.#runnable);
      this.#runnable.delete(unit);
      const job = this.#jobs.get(unit);
      if (job?.state === "waiting" && !this.#mustWait(job)) this.#run(job);
    }
    return tried;
  }

  /**
   * Whether a job is queued that goes before this one. Planning leaves no circles, but the start of a restart can close
   * one, because its stop went before all others: it goes ahead then. (systemd would wait for ever.)
   */
  #mustWait(job: QueuedJob): boolean {
    const earlier = this.#earlierThan(job);
    if (earlier.length === 0) return false;
    return !(job.isRestart && this.#isWaitedForBy(job, earlier));
  }

  #earlierThan(job: QueuedJob): readonly QueuedJob[] {
    if (job.ignoreOrder) return [];
    const jobsOf = (atom: Atom): readonly QueuedJob[] =>
      this.#units.related(job.unit, atom).flatMap((other) => this.#jobs.get(other) ?? []);
    return [
      ...jobsOf("after").filter((other) => goesFirst(other, job) === "first"),
      ...jobsOf("before").filter((other) => goesFirst(job, other) === "second"),
    ];
  }

  /** Whether one of these waits for the job, if only by way of others. */
  #isWaitedForBy(job: QueuedJob, waiting: readonly QueuedJob[]): boolean {
    const reached = new Set(waiting);
    for (const next of reached) for (const earlier of this.#earlierThan(next)) reached.add(earlier);
    return reached.has(job);
  }

  #run(job: QueuedJob): void {
    this.#limitTime(job, this.#units.settings(job.unit)?.jobRunningTimeoutMs);
    job.state = "running";
    if (job.type === "restart" && isActiveOrActivating(activeOf(this.view, job.unit)))
      this.noteRestart(job.unit, true);
    const attempt = this.#attempt(job);
    // The unit may have come to where the job wants it within the call.
    if (this.#jobs.get(job.unit) !== job) {
      if (attempt.kind === "begun") job.performed = attempt.outcome;
      return;
    }
    if (job.state !== "running") return;
    switch (attempt.kind) {
      case "later":
        job.state = "waiting";
        break;
      case "ended":
        this.#finish(job, attempt);
        break;
      case "begun":
        this.#follow(job, attempt.outcome);
    }
  }

  #attempt(job: QueuedJob): Attempt {
    switch (job.type) {
      case "verify-active":
        return this.#verifyActive(job.unit);
      case "start":
        return this.#units.start(job.unit, job.isRestart);
      case "stop":
        return this.#units.stop(job.unit, false);
      case "restart":
        // It is down already, and shall not be seen to be stopped for good.
        if (this.#units.awaitsRestart(job.unit)) return { kind: "ended", result: "done", quiet: true };
        return this.#units.stop(job.unit, true);
      case "reload":
        return this.#units.reload(job.unit);
      case "nop":
        return { kind: "ended", result: "done", quiet: true };
    }
  }

  #verifyActive(unit: string): Attempt {
    const active = activeOf(this.view, unit);
    if (isActiveOrReloading(active)) return { kind: "ended", result: "done", quiet: true };
    return active === "activating" ? { kind: "later" } : { kind: "ended", result: "skipped" };
  }

  /** Ends the job as the unit says, where the unit's state has not ended it before. */
  #follow(job: QueuedJob, outcome: Promise<JobOutcome>): void {
    job.performed = outcome;
    void outcome.then(({ result, message, error }) => {
      const isCurrent = this.#jobs.get(job.unit) === job && job.performed === outcome;
      if (isCurrent) this.#finish(job, { result, message, error });
    });
  }

  // --- ending ----------------------------------------------------------------------------------------------------

  /** The unit has come to this state. True when no job asked for that. */
  unitChanged(unit: string, to: ActiveState): boolean {
    const job = this.#jobs.get(unit);
    if (job === undefined) return true;
    if (job.state === "waiting") this.#submit(unit);
    const end = endByState(job, to);
    if (end.result !== undefined) this.#finish(job, { result: end.result });
    return end.isUnexpected;
  }

  #finish(job: QueuedJob, end: End): void {
    const { unit, type } = job;
    const { result, message, error, quiet = false, alone = false } = end;
    if (!quiet) this.#tell(job, result);
    if (result === "done" && type === "restart") {
      job.becomeStart();
      this.#submit(unit);
      this.#wakeNeighbours(unit);
      return;
    }
    this.#jobs.delete(unit);
    this.noteRestart(unit, false);
    const why = { ...(message === undefined ? {} : { message }), ...(error === undefined ? {} : { error }) };
    job.settle({ result, ...why });
    if (!alone) this.#failDependents(unit, type, end);
    const isFailure = result === "timeout" || result === "dependency";
    if (isFailure) this.#units.log(unit, 5, `${unit}: Job ${unit}/${type} failed with result '${result}'.`);
    this.#wakeNeighbours(unit);
    this.#events.ended(unit, isFailure);
  }

  /** What the last supervisor has noted: all of it at once, for this one may be gone before it has done the half. */
  takeRestarts(units: readonly string[]): void {
    for (const unit of units) this.#restarts.add(unit);
  }

  /** Remembers for the next supervisor which units are down for a moment only. */
  noteRestart(unit: string, isDown: boolean): void {
    if (this.#restarts.has(unit) === isDown) return;
    if (isDown) this.#restarts.add(unit);
    else this.#restarts.delete(unit);
    this.#units.saveRestarts([...this.#restarts]);
  }

  #tell({ unit, type }: QueuedJob, result: JobResult): void {
    const line = endMessage(type, result, this.#units.settings(unit)?.title ?? unit);
    if (line !== undefined) this.#units.log(unit, line.priority, line.text);
  }

  #failDependents(unit: string, type: QueuedJob["type"], { result, message }: End): void {
    const isStart = type === "start" || type === "verify-active";
    const cause = `${unit} ${message ?? `ended with job result '${result}'`}`;
    if (result !== "done" && isStart) this.#fail(unit, "propagate-start-failure", cause);
    if (result !== "done" && type === "stop") this.#fail(unit, "propagate-stop-failure", cause);
    // A unit that was started well and is not up, as after an unmet condition, is none that Requisite= is met by.
    const isUp = isActiveOrReloading(activeOf(this.view, unit));
    if (result === "done" && !isUp && (type === "start" || type === "reload"))
      this.#fail(unit, "propagate-inactive-start-as-failure", `${unit} is not active`);
  }

  #fail(unit: string, atom: Atom, cause: string): void {
    for (const other of this.#units.related(unit, atom)) {
      const job = this.#jobs.get(other);
      if (job?.type !== "start" && job?.type !== "verify-active") continue;
      // With systemd its start would be over: a process is all that it waits for.
      if (job.state === "running" && this.#units.settings(other)?.startsAtOnce === true) continue;
      this.#finish(job, { result: "dependency", message: `a dependency failed: ${cause}` });
    }
  }

  #wakeNeighbours(unit: string): void {
    for (const atom of ["after", "before"] as const) {
      for (const other of this.#units.related(unit, atom)) if (this.#jobs.has(other)) this.#submit(other);
    }
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** Of several limits the one that comes first counts. */
  #limitTime(job: QueuedJob, limitMs = Number.POSITIVE_INFINITY): void {
    const dueMs = this.#units.clock.monotonic() + limitMs;
    if (!Number.isFinite(dueMs) || (job.timeout !== undefined && job.timeout.dueMs <= dueMs)) return;
    job.timeout?.timer.cancel();
    const timer = this.#units.clock.setTimer(limitMs, () => this.#timedOut(job));
    job.timeout = { timer, dueMs };
  }

  #timedOut(job: QueuedJob): void {
    if (this.#jobs.get(job.unit) !== job) return;
    this.#units.log(job.unit, 4, `${job.unit}: Job ${job.unit}/${job.type} timed out.`);
    this.#finish(job, { result: "timeout", message: "the job took longer than JobTimeoutSec= allows" });
  }

  /** Answers everybody; nothing is run any more. */
  close(): void {
    for (const job of this.#jobs.values()) {
      this.#jobs.delete(job.unit);
      job.settle({ result: "canceled", message: "the supervisor is closing" });
    }
    this.#runnable.clear();
  }
}

/** What a unit's state means for its job: its result if that ends it, and whether it is not what the job is for. */
function endByState(
  { type, state }: QueuedJob,
  to: ActiveState,
): { readonly result?: JobResult; readonly isUnexpected: boolean } {
  const isRunning = state === "running";
  const ended = to === "failed" ? "failed" : "done";
  switch (type) {
    case "start":
    case "verify-active":
      if (isActiveOrReloading(to)) return { result: "done", isUnexpected: false };
      if (!isRunning || to === "activating") return { isUnexpected: false };
      return isInactiveOrFailed(to) ? { result: ended, isUnexpected: true } : { isUnexpected: true };
    case "stop":
    case "restart":
      if (isInactiveOrFailed(to)) return { result: "done", isUnexpected: false };
      if (!isRunning || to === "deactivating") return { isUnexpected: false };
      return { result: "failed", isUnexpected: true };
    case "reload":
      // That the reload is over, the unit says itself.
      if (!isRunning || isActiveOrReloading(to) || to === "activating") return { isUnexpected: false };
      return isInactiveOrFailed(to) ? { result: ended, isUnexpected: true } : { isUnexpected: true };
    case "nop":
      return { isUnexpected: false };
  }
}
