/**
 * The fence of this machine's strict units: what each may do now, and until when its supervisor lets it run.
 *
 * Invariants: a strict unit is started only under a lease that was granted or kept alive, and under which it was
 * assigned to this machine; its hold (Supervisor.hold) ends no later than that lease can; its stop begins so early
 * before that its processes have the time they ask for, as far as the lease leaves it. The hold is what is relied on:
 * it is kept beside the daemon, and ends a unit also where no daemon is left to stop it.
 */
import type { Clock, Timer } from "#base/clock.ts";
import type { StrictStanding } from "#plan/reconcile/plan-machine.ts";
import type { Supervisor, UnitStatus } from "#supervisor/supervisor.ts";

/**
 * The largest share of a lease that is kept for stopping. A lease is renewed when a third of it has passed; what lies
 * between is for trying that again.
 */
export const STOP_SHARE = 0.4;

export interface FenceOptions {
  readonly clock: Clock;
  readonly supervisor: Pick<Supervisor, "hold" | "heldUntil" | "status">;
  readonly leaseTtlMs: number;
  /** Called when a unit's standing may have changed by time alone. */
  readonly onDue: () => void;
}

export class Fence {
  readonly #options: FenceOptions;
  /** How long before its hold ends each strict unit is stopped. */
  readonly #stopMs = new Map<string, number>();
  /** Kept for those that are being taken away. */
  readonly #tokens = new Map<string, string>();
  readonly #assigned = new Set<string>();
  #deadlineMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(options: FenceOptions) {
    this.#options = options;
  }

  get units(): readonly string[] {
    return [...this.#stopMs.keys()];
  }

  /** @param stopMs how long the unit's stop may take; undefined for a unit that is not strict. */
  note(unit: string, stopMs: number | undefined): void {
    if (stopMs === undefined && this.#stopMs.delete(unit)) this.#options.supervisor.hold(unit, undefined);
    if (stopMs !== undefined) this.#stopMs.set(unit, Math.min(stopMs, STOP_SHARE * this.#options.leaseTtlMs));
  }

  /** The supervisor does not have the unit any more. Until then it is held, also while it is being taken away. */
  forget(unit: string): void {
    this.#stopMs.delete(unit);
    if (!this.#assigned.has(unit)) this.#tokens.delete(unit);
  }

  /** The unit is assigned to this machine, by what a storage may tell this assignment from an earlier one; undefined: it is not. */
  setToken(unit: string, token: string | undefined): void {
    if (token === undefined) this.#assigned.delete(unit);
    else {
      this.#assigned.add(unit);
      this.#tokens.set(unit, token);
    }
  }

  /** The lease under which this machine's assignments were read cannot end before `deadlineMs` (boot time). */
  extend(deadlineMs: number): void {
    this.#deadlineMs = deadlineMs;
    this.holdAll();
  }

  /** There is no such lease any more, or not yet: units run on for as long as they are held. */
  loosen(): void {
    this.#deadlineMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Holds the strict units that the supervisor has; to be called again when units were loaded. One that is being taken
   * away has its time put off only while it has some: what was asked for before it ran out may still be on its way to it.
   */
  holdAll(): void {
    const { supervisor, clock } = this.#options;
    for (const unit of this.#stopMs.keys()) {
      const token = this.#tokens.get(unit) ?? "0";
      const heldUntilMs = supervisor.heldUntil(unit) ?? Number.NEGATIVE_INFINITY;
      const mayGoOn = this.#assigned.has(unit) || heldUntilMs > clock.boottime();
      if (this.#isLeased() && mayGoOn) supervisor.hold(unit, { untilMs: this.#deadlineMs, token });
      // Nothing else, such as a timer, may start it before there is a lease.
      else if (heldUntilMs === Number.NEGATIVE_INFINITY && !isUp(supervisor.status(unit)))
        supervisor.hold(unit, { untilMs: 0, token });
    }
  }

  /** What each strict unit may do now. Arranges for `onDue` when that changes next. */
  standings(): ReadonlyMap<string, StrictStanding> {
    const nowMs = this.#options.clock.boottime();
    const standings = new Map<string, StrictStanding>();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [unit, stopMs] of this.#stopMs) {
      const leftMs = this.#endOf(unit) - stopMs - nowMs;
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs);
      standings.set(unit, leftMs <= 0 ? "fenced" : this.#isLeased() ? "free" : "held");
    }
    this.#timer?.cancel();
    if (Number.isFinite(nextMs)) this.#timer = this.#options.clock.setTimer(nextMs, this.#options.onDue);
    return standings;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #isLeased(): boolean {
    return this.#deadlineMs !== Number.NEGATIVE_INFINITY;
  }

  /** Without a lease of its own, a unit has what it was promised under an earlier one. */
  #endOf(unit: string): number {
    if (this.#isLeased()) return this.#deadlineMs;
    return this.#options.supervisor.heldUntil(unit) ?? Number.NEGATIVE_INFINITY;
  }
}

function isUp(status: UnitStatus | undefined): boolean {
  return status !== undefined && status.active !== "inactive" && status.active !== "failed";
}
