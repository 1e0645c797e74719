/**
 * Notices when leases end. One timer is set, for the lease that ends first; renewing a lease sets none, the timer
 * finds out when it fires. Nothing happens while there are no leases.
 */
import type { Clock, Timer } from "#base/clock.ts";
import type { Lease, Leases } from "./leases.ts";

/** A timer this late means that the process or the machine stood still, when nobody could renew anything. */
const STANDSTILL_MS = 1_000;
/** How long after a revocation that could not be stored it is tried again. */
const RETRY_MS = 1_000;

export interface LeaseExpiryOptions {
  readonly clock: Clock;
  readonly leases: Leases;
  /** Deletes the lease and its keys; rejects when it could not be stored. */
  readonly revoke: (lease: Lease) => Promise<unknown>;
}

export class LeaseExpiry {
  readonly #options: LeaseExpiryOptions;
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(options: LeaseExpiryOptions) {
    this.#options = options;
  }

  /** Makes sure that the timer is not later than `deadlineMs`; call it for each new or loaded lease. */
  watch(deadlineMs: number): void {
    if (this.#stopped || deadlineMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = deadlineMs;
    this.#timer = this.#options.clock.setTimer(deadlineMs - this.#options.clock.monotonic(), () =>
      this.#fire(),
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #fire(): void {
    const { clock, leases, revoke } = this.#options;
    const nowMs = clock.monotonic();
    if (nowMs - this.#dueMs > STANDSTILL_MS) leases.extendAll(nowMs);
    this.#dueMs = Number.POSITIVE_INFINITY;
    const expired = leases.expired(nowMs);
    for (const lease of expired) revoke(lease).catch(() => this.watch(clock.monotonic() + RETRY_MS));
    const next = leases.nextDeadlineMs(nowMs);
    if (next !== undefined) this.watch(next);
  }
}
