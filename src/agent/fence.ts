/**
 * The fence of this machine's strict units: what each may do now, and until when its supervisor lets it run.
 *
 * Invariants: a strict unit is started only while this machine's claim of it stands (claims.ts); its hold
 * (Supervisor.hold) ends no later than the lease can on which that hangs; its stop begins so early before that its
 * processes have the time they ask for, as far as the lease leaves it. The hold is what is relied on: it is kept beside
 * the daemon, and ends a unit also where no daemon is left to stop it.
 */
import type { Clock, Timer } from "#base/clock.ts";
import type { StrictStanding } from "#plan/reconcile/plan-machine.ts";
import type { Supervisor, UnitStatus } from "#supervisor/supervisor.ts";
import type { Claims } from "./claims.ts";

/**
 * The largest share of a lease that is kept for stopping. A lease is renewed when a third of it has passed; what lies
 * between is for trying that again.
 */
export const STOP_SHARE = 0.4;

export interface FenceOptions {
  readonly clock: Clock;
  readonly supervisor: Pick<Supervisor, "hold" | "heldUntil" | "status">;
  readonly claims: Pick<Claims, "revisionOf" | "want" | "release">;
  readonly leaseTtlMs: number;
  /** Called when a unit's standing may have changed by time alone. */
  readonly onDue: () => void;
}

export class Fence {
  readonly #options: FenceOptions;
  /** How long before its hold ends each strict unit is stopped. */
  readonly #stopMs = new Map<string, number>();
  #deadlineMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  /** Units had to be stopped, or could not be started, when it was last asked. */
  #isFencing = false;

  constructor(options: FenceOptions) {
    this.#options = options;
  }

  get units(): readonly string[] {
    return [...this.#stopMs.keys()];
  }

  /** What the next daemon is to be told by `note` before it has read any unit file: of units that the supervisor has. */
  get known(): Record<string, number> {
    const { supervisor } = this.#options;
    return Object.fromEntries([...this.#stopMs].filter(([unit]) => supervisor.status(unit) !== undefined));
  }

  /** @param stopMs how long the unit's stop may take; undefined for a unit that is not strict. */
  note(unit: string, stopMs: number | undefined): void {
    const { supervisor, claims } = this.#options;
    if (stopMs !== undefined) this.#stopMs.set(unit, Math.min(stopMs, STOP_SHARE * this.#options.leaseTtlMs));
    else if (this.#stopMs.delete(unit)) {
      supervisor.hold(unit, undefined);
      claims.release(unit);
    }
  }

  /**
   * The supervisor does not have the unit any more. Until then it is held, also while it is being taken away. True where
   * it was known.
   */
  forget(unit: string): boolean {
    const wasKnown = this.#stopMs.delete(unit);
    if (wasKnown) this.#options.claims.release(unit);
    return wasKnown;
  }

  /** The machine's lease cannot end before `deadlineMs` (boot time); negative infinity: there is none. */
  extend(deadlineMs: number): void {
    this.#deadlineMs = deadlineMs;
    this.holdAll();
    if (this.#isFencing) this.#options.onDue();
  }

  /** Holds the strict units that the supervisor has, and claims them; to be called again when units were loaded. */
  holdAll(): void {
    const { supervisor, claims } = this.#options;
    for (const unit of this.#stopMs.keys()) {
      const status = supervisor.status(unit);
      if (status === undefined) continue;
      claims.want(unit);
      const revision = claims.revisionOf(unit);
      if (revision !== undefined)
        supervisor.hold(unit, { untilMs: this.#deadlineMs, token: String(revision) });
      // Nothing else, such as a timer, may start it before it is claimed.
      else if (supervisor.heldUntil(unit) === undefined && !isUp(status))
        supervisor.hold(unit, { untilMs: 0, token: "0" });
    }
  }

  /** What each strict unit may do now. Arranges for `onDue` when that changes next. */
  standings(): ReadonlyMap<string, StrictStanding> {
    const { clock, supervisor, claims, onDue } = this.#options;
    const standings = new Map<string, StrictStanding>();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [unit, stopMs] of this.#stopMs) {
      const untilMs = supervisor.heldUntil(unit) ?? Number.NEGATIVE_INFINITY;
      const leftMs = untilMs - stopMs - clock.boottime();
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs);
      const running = claims.revisionOf(unit) === undefined ? "held" : "free";
      standings.set(unit, leftMs > 0 ? running : "fenced");
    }
    this.#isFencing = [...standings.values()].includes("fenced");
    this.#timer?.cancel();
    if (Number.isFinite(nextMs)) this.#timer = clock.setTimer(nextMs, onDue);
    return standings;
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

function isUp({ active }: UnitStatus): boolean {
  return active !== "inactive" && active !== "failed";
}
