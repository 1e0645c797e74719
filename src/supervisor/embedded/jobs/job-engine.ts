/**
 * Jobs and transactions on one machine, as systemd does them: requests become transactions, transactions become jobs,
 * and units that change by themselves take others along.
 *
 * Owns the queue and what follows from a unit's change of state (unit_notify in systemd's unit.c). It runs no unit
 * itself and decides nothing that plan.ts, job-queue.ts and upkeep.ts do not; everything it asks of units happens
 * behind the turn in which it was asked.
 */
import type { ActiveState, JobOutcome, JobRequest } from "../../supervisor.ts";
import type { Atom } from "./atoms.ts";
import { JobQueue } from "./job-queue.ts";
import {
  collapse,
  isActiveOrActivating,
  isInactiveOrDeactivating,
  isInactiveOrFailed,
  typeOfRequest,
} from "./job-type.ts";
import { type PlanRequest, planTransaction } from "./plan.ts";
import type { Refusal } from "./refusal.ts";
import type { JobUnits } from "./units.ts";
import { Upkeep } from "./upkeep.ts";
import { activeOf, type UnitView } from "./view.ts";

/** A change of a unit's state that has been told of. */
interface Change {
  readonly unit: string;
  readonly from: ActiveState;
  readonly to: ActiveState;
  /** The unit starts again by itself. */
  readonly restarts: boolean;
}

/** What has been begun reaches the shims before more of it is begun, and a turn of the event loop stays short. */
const JOBS_A_TURN = 6;

export class JobEngine {
  readonly #units: JobUnits;
  readonly #queue: JobQueue;
  readonly #upkeep: Upkeep;
  /** The state of each unit that was told of last. */
  readonly #states = new Map<string, ActiveState>();
  /** Changes that were told of before all units were there. */
  #early: Change[] | undefined = [];
  #scheduled = false;
  #closed = false;

  constructor(units: JobUnits) {
    this.#units = units;
    this.#queue = new JobQueue(units, {
      ended: (unit, isFailure) => this.#jobEnded(unit, isFailure),
      ready: () => this.#schedule(),
    });
    this.#upkeep = new Upkeep(units, this.#queue.view);
  }

  /** A job that somebody asks for by hand, of which a unit may have none. */
  request({ type, unit, mode = "replace" }: JobRequest): Promise<JobOutcome> {
    const view = this.#units.unit(unit);
    const wanted = typeOfRequest(type, view?.canReload === true);
    if (type === "stop" && hasNothingToStop(view))
      return refused({ error: "NoSuchUnit", message: `Unit ${unit} not loaded.` });
    if (mode === "isolate" && type !== "start")
      return refused({ error: "InvalidArgs", message: "Isolate is only valid for start." });
    if (mode === "triggering" && type !== "stop")
      return refused({ error: "InvalidArgs", message: "--job-mode=triggering is only valid for stop." });
    const { refuseManualStart = false, refuseManualStop = false } = this.#units.settings(unit) ?? {};
    const starts = collapse(wanted, view?.active ?? "inactive") === "start";
    const restarts = wanted === "restart" || wanted === "try-restart";
    const isRefused =
      ((starts || restarts) && refuseManualStart) || ((type === "stop" || restarts) && refuseManualStop);
    if (!isRefused) return this.add({ type: wanted, unit, mode });
    return refused({
      error: "OnlyByDependency",
      message:
        `Operation refused, unit ${unit} may be requested by dependency only ` +
        "(it is configured to refuse manual start/stop).",
    });
  }

  /** Queues a job and what it brings along, at once; resolves when the job has ended. */
  add(request: PlanRequest): Promise<JobOutcome> {
    const transaction = planTransaction(this.#queue.view, request);
    for (const { unit, priority, text } of transaction.notes) this.#units.log(unit, priority, text);
    if (transaction.kind === "refused") return refused(transaction);
    this.#queue.install(transaction.jobs, request.mode);
    return this.#queue.get(request.unit)?.ended() ?? Promise.resolve({ result: "done" });
  }

  /** Whether a job of the unit waits or runs; until all units are there, also whether the rest of a restart will. */
  has(unit: string): boolean {
    if (this.#queue.get(unit) !== undefined) return true;
    return this.#early !== undefined && this.#units.restarts().includes(unit);
  }

  /** Whether no job of any unit waits or runs. */
  get isIdle(): boolean {
    return this.#queue.isEmpty;
  }

  /** The time has come for a unit to start again by itself. What is bound to it is restarted as well. */
  restartByItself(unit: string, refuse: (reason: string) => void): void {
    if (this.#queue.get(unit)?.type === "stop") return;
    void this.add({ type: "restart", unit, mode: "replace" }).then(({ error, message = "" }) => {
      if (error !== undefined && !this.#closed) refuse(message);
    });
  }

  // --- changes of units ------------------------------------------------------------------------------------------

  /** A unit's state has changed, or may have. The first time it is only noted. */
  changed(unit: string): void {
    this.#note(unit, activeOf(this.#queue.view, unit), false);
  }

  /** A unit that starts again by itself was in this state, before the one that it is in. */
  passed(unit: string, state: "inactive" | "failed"): void {
    this.#note(unit, state, true);
  }

  forget(unit: string): void {
    this.#states.delete(unit);
    this.#upkeep.forget(unit);
  }

  /** All units are there: acts on what has changed since, and on how they stand to each other. */
  begin(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const change of early) this.#react(change);
    // The supervisor that stopped them to start them again has gone in between.
    const restarts = this.#units.restarts();
    this.#queue.takeRestarts(restarts);
    for (const unit of restarts) this.#finishRestart(unit);
    for (const unit of this.#units.names()) this.#upkeep.checkAround(unit);
    this.#schedule();
  }

  #finishRestart(unit: string): void {
    void this.add({ type: "start", unit, mode: "replace" }).then(({ error }) => {
      if (error !== undefined && !this.#closed) this.#queue.noteRestart(unit, false);
    });
  }

  #note(unit: string, to: ActiveState, restarts: boolean): void {
    const from = this.#states.get(unit);
    this.#states.set(unit, to);
    if (from === undefined || this.#closed) return;
    const change: Change = { unit, from, to, restarts };
    if (this.#early === undefined) this.#react(change);
    else this.#early.push(change);
  }

  #react(change: Change): void {
    const { unit, from, to, restarts } = change;
    const isUnexpected = this.#queue.unitChanged(unit, to);
    if (isUnexpected) this.#takeAlong(change);
    if (!restarts && to !== from) {
      if (to === "failed") this.#follow(unit, "on-failure");
      else if (to === "inactive" && !isInactiveOrFailed(from)) this.#follow(unit, "on-success");
    }
    this.#upkeep.checkAround(unit);
    this.#schedule();
  }

  /** What has gone up or down without a job takes along what a job would have. */
  #takeAlong({ unit, from, to }: Change): void {
    const view = this.#queue.view;
    if (isInactiveOrFailed(from) && isActiveOrActivating(to)) {
      const after = this.#units.related(unit, "after");
      const isDown = (other: string): boolean =>
        !after.includes(other) && !isActiveOrActivating(activeOf(view, other));
      this.#addEach(unit, "retroactive-start-replace", isDown, { type: "start", mode: "replace" });
      this.#addEach(unit, "retroactive-start-fail", isDown, { type: "start", mode: "fail" });
    }
    const isUp = (other: string): boolean => !isInactiveOrDeactivating(activeOf(view, other));
    const stop = { type: "stop", mode: "replace" } as const;
    if (isInactiveOrFailed(from) && isActiveOrActivating(to))
      this.#addEach(unit, "retroactive-stop-on-start", isUp, stop);
    if (isActiveOrActivating(from) && isInactiveOrDeactivating(to))
      this.#addEach(unit, "retroactive-stop-on-stop", isUp, stop);
  }

  #addEach(
    unit: string,
    atom: Atom,
    isWanted: (other: string) => boolean,
    job: Pick<PlanRequest, "type" | "mode">,
  ): void {
    for (const other of this.#units.related(unit, atom).filter(isWanted)) {
      void this.add({ ...job, unit: other });
    }
  }

  /** OnFailure= and OnSuccess=. */
  #follow(unit: string, atom: "on-failure" | "on-success"): void {
    const followers = this.#units.related(unit, atom);
    if (followers.length === 0) return;
    const key = atom === "on-failure" ? "OnFailure=" : "OnSuccess=";
    const settings = this.#units.settings(unit);
    const mode = atom === "on-failure" ? settings?.onFailureJobMode : settings?.onSuccessJobMode;
    this.#units.log(unit, 6, `${unit}: Triggering ${key} dependencies.`);
    for (const follower of followers) {
      this.#addUnattended({ type: "start", unit: follower, mode: mode ?? "replace" }, unit, key);
    }
  }

  /** Adds a job that nobody waits for; that it is refused stands in the journal of the unit that wants it. */
  #addUnattended(request: PlanRequest, unit: string, what: string): void {
    void this.add(request).then(({ error, message }) => {
      if (error === undefined || this.#closed) return;
      this.#units.log(unit, 4, `${unit}: Failed to enqueue ${what} job, ignoring: ${message}`);
    });
  }

  #jobEnded(unit: string, isFailure: boolean): void {
    if (isFailure) this.#follow(unit, "on-failure");
    this.#upkeep.check(unit);
    this.#units.jobEnded(unit);
    this.#schedule();
  }

  // --- dispatching -----------------------------------------------------------------------------------------------

  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#early !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    let left = JOBS_A_TURN;
    while (!this.#closed && left > 0) {
      if (this.#keepUp()) continue;
      const tried = this.#queue.dispatch(left);
      if (tried === 0) return;
      left -= tried;
    }
    if (!this.#closed) setImmediate(() => this.#dispatch());
  }

  #keepUp(): boolean {
    const due = this.#upkeep.next();
    if (due === undefined) return false;
    const { unit, type, mode } = due;
    this.#addUnattended({ unit, type, mode }, unit, type);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#queue.close();
  }
}

/** A unit that could not be loaded; one that was, and went bad while it ran, can be stopped. */
function hasNothingToStop(unit: UnitView | undefined): boolean {
  if (unit === undefined || unit.load === "not-found") return true;
  return (unit.load === "error" || unit.load === "bad-setting") && unit.active === "inactive";
}

function refused({ error, message }: Refusal): Promise<JobOutcome> {
  const isFault = error === "BadUnitSetting" || error === "LoadFailed";
  return Promise.resolve({ result: isFault ? "failed" : "invalid", error, message });
}
