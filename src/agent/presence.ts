/**
 * The machine's presence in the cluster: one lease, kept alive, and the machine record that hangs on it.
 *
 * It registers by overwriting, under an instance ID of its own, so that a daemon that comes back never finds itself
 * locked out by what it left behind. `deadlineMs` is computed from when a keep-alive was sent, not answered, on the
 * clock that goes on while the machine is suspended: the lease cannot end earlier than that.
 */
import type { Clock, Timer } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Loop } from "#base/loop.ts";
import type { Random } from "#base/random.ts";
import { keys } from "#model/keys.ts";
import type { MachineRecord } from "#model/records.ts";
import { putJson } from "#store/ops.ts";
import type { LeaseId, Revision, Store, TxnResponse } from "#store/store.ts";

export interface PresenceOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly machine: MachineRecord;
  /** Writes on a new lease what must be known of the machine as soon as it is seen. */
  readonly announce: (lease: LeaseId) => Promise<void>;
  /** Told whenever `deadlineMs` has been put off: the lease was granted or kept alive. */
  readonly onKept: () => void;
  /** Told of each new lease once the machine is registered on it, and of its loss. */
  readonly onLease: (lease: LeaseId | undefined) => void;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #loop: Loop;
  #lease: LeaseId | undefined;
  #deadlineMs = Number.NEGATIVE_INFINITY;
  #nextBeat: Timer | undefined;
  #leaving = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    const intervalMs = this.#beatIntervalMs;
    this.#loop = new Loop({
      clock: options.clock,
      random: options.random,
      safetyIntervalMs: intervalMs,
      backoff: { firstMs: 50, maxMs: Math.min(1_000, intervalMs / 2) },
      pass: () => this.#beat(),
      onError: (error, failures) =>
        options.log.warn({ failures, error: String(error) }, "could not keep the machine's lease alive"),
    });
  }

  /** The lease that is registered and, as far as is known, alive. */
  get lease(): LeaseId | undefined {
    return this.#lease;
  }

  /** Boot time (base/clock.ts) until which the lease cannot have ended; negative infinity when there is none. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  start(): void {
    this.#loop.wake();
  }

  /** Stops keeping the lease alive; it runs out by itself, so that a daemon that is back in time loses nothing. */
  async stop(): Promise<void> {
    this.#nextBeat?.cancel();
    await this.#loop.stop();
  }

  /** Says that the machine is about to go; resolves to the revision at which everybody can know. */
  async announceLeaving(): Promise<Revision> {
    this.#leaving = true;
    const lease = this.#lease;
    if (lease === undefined) return 0n;
    const { header } = await this.#put(lease);
    return header.revision;
  }

  /** Ends the lease now: the machine leaves the cluster. */
  async leave(): Promise<void> {
    await this.stop();
    if (this.#lease !== undefined) await this.#options.store.leaseRevoke(this.#lease);
    this.#lose();
  }

  get #ttlMs(): number {
    return this.#options.machine.leaseTtlS * 1000;
  }

  get #beatIntervalMs(): number {
    return this.#ttlMs / 3;
  }

  async #beat(): Promise<void> {
    if (this.#lease === undefined) {
      await this.#register();
      return;
    }
    const sentMs = this.#options.clock.boottime();
    const ttlS = await this.#options.store.leaseKeepAlive(this.#lease);
    if (ttlS > 0) {
      this.#deadlineMs = sentMs + ttlS * 1000;
      this.#beatAfter(sentMs + this.#beatIntervalMs - this.#options.clock.boottime());
      this.#options.onKept();
      return;
    }
    this.#options.log.warn({}, "the machine's lease has run out; registering anew");
    this.#lose();
    await this.#register();
  }

  /** Counted from when the last was sent: what a far store takes to answer is not lost twice. */
  #beatAfter(delayMs: number): void {
    this.#nextBeat?.cancel();
    this.#nextBeat = this.#loop.wakeAfter(Math.max(0, delayMs));
  }

  async #register(): Promise<void> {
    const { store, clock, machine, announce, onLease } = this.#options;
    const sentMs = clock.boottime();
    const lease = await store.leaseGrant({ ttlS: machine.leaseTtlS });
    await announce(lease.id);
    await this.#put(lease.id);
    this.#lease = lease.id;
    this.#deadlineMs = sentMs + lease.ttlS * 1000;
    onLease(lease.id);
  }

  #put(lease: LeaseId): Promise<TxnResponse> {
    const { store, machine } = this.#options;
    const record = this.#leaving ? { ...machine, leaving: true } : machine;
    const put = putJson(keys.machine(machine.id), record, lease);
    return store.txn({ compare: [], success: [put], failure: [] });
  }

  #lose(): void {
    this.#lease = undefined;
    this.#deadlineMs = Number.NEGATIVE_INFINITY;
    this.#options.onLease(undefined);
  }
}
