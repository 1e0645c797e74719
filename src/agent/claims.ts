/**
 * Claims of strict units: before it runs one, a machine writes in the store that it is the one to, on its lease.
 *
 * Invariants: a unit is claimed only while it is assigned here, as one transaction with that; while another machine's
 * claim stands there is none; a claim stands until the supervisor does not have the unit any more, or the lease has
 * ended. So what the engine decides from what it happened to see cannot make two of a unit. A claim's revision, which is
 * higher with every later claim, is the fencing token.
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Loop } from "#base/loop.ts";
import type { Random } from "#base/random.ts";
import { keys } from "#model/keys.ts";
import { claimSchema } from "#model/records.ts";
import { toBytes, toText } from "#store/keys.ts";
import { deleteKey, ifMissing, ifModRevision, putJson } from "#store/ops.ts";
import type { Compare, KeyValue, LeaseId, Revision, Store } from "#store/store.ts";

export interface ClaimsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly machine: string;
  /** Told of each claim that has been made. */
  readonly onClaimed: () => void;
}

/** How soon it is tried again where another machine has the unit still. */
const RETRY_MS = 500;
/**
 * How long a claim of another machine has to be gone before it is followed by one of ours: it may have gone with its
 * lease, and what ran under it is killed until then, give or take clocks that run unlike.
 */
const AFTER_OTHER_MS = 2_000;

export class Claims {
  readonly #options: ClaimsOptions;
  readonly #loop: Loop;
  readonly #wanted = new Set<string>();
  /** Revision of each unit's assignment to this machine, as far as it is known. */
  readonly #assigned = new Map<string, Revision>();
  /** Revision of each claim on the present lease. */
  readonly #claimed = new Map<string, Revision>();
  /** Claims to be given up; undefined where it is not known whether there is one. */
  readonly #released = new Map<string, Revision | undefined>();
  /** Units of which a claim may have been written, since its answer has not come. */
  readonly #unanswered = new Set<string>();
  /** Monotonic time at which another machine's claim was seen last. */
  readonly #othersSeenMs = new Map<string, number>();
  #lease: LeaseId | undefined;

  constructor(options: ClaimsOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      random: options.random,
      safetyIntervalMs: 60_000,
      backoff: { firstMs: 50, maxMs: 1_000 },
      pass: () => this.#pass(),
      onError: (error) => options.log.warn({ error: String(error) }, "could not claim strict units"),
    });
  }

  /** The claim's revision; undefined while the unit is not claimed on the machine's present lease. */
  revisionOf(unit: string): Revision | undefined {
    return this.#claimed.get(unit);
  }

  /** Every claim is made anew on a new lease. */
  useLease(lease: LeaseId | undefined): void {
    this.#lease = lease;
    this.#claimed.clear();
    this.#released.clear();
    this.#unanswered.clear();
    this.#loop.wake();
  }

  /** The unit is strict, and the supervisor has it. */
  want(unit: string): void {
    if (this.#wanted.has(unit)) return;
    this.#wanted.add(unit);
    this.#loop.wake();
  }

  /** The unit is assigned here as of this revision; undefined: it is not. */
  assign(unit: string, revision: Revision | undefined): void {
    if (revision === undefined) this.#assigned.delete(unit);
    else this.#assigned.set(unit, revision);
    this.#loop.wake();
  }

  /** Nothing of the unit is left here. */
  release(unit: string): void {
    this.#wanted.delete(unit);
    const revision = this.#claimed.get(unit);
    this.#claimed.delete(unit);
    if (revision !== undefined || this.#unanswered.has(unit)) this.#released.set(unit, revision);
    this.#loop.wake();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #pass(): Promise<void> {
    for (const [unit, revision] of this.#released) {
      await this.#giveUp(unit, revision ?? (await this.#ownClaim(unit)));
      if (this.#released.get(unit) === revision) this.#released.delete(unit);
    }
    for (const unit of this.#wanted) {
      const revision = this.#assigned.get(unit);
      const lease = this.#lease;
      if (revision === undefined || lease === undefined || this.#claimed.has(unit)) continue;
      await this.#claim(unit, revision, lease);
    }
  }

  async #giveUp(unit: string, revision: Revision | undefined): Promise<void> {
    if (revision !== undefined)
      await this.#options.store.txn({
        compare: [ifModRevision(keys.claim(unit), revision)],
        success: [deleteKey(keys.claim(unit))],
        failure: [],
      });
    this.#unanswered.delete(unit);
  }

  /** The claim's revision as the store has it, where it is this machine's. */
  async #ownClaim(unit: string): Promise<Revision | undefined> {
    const { kvs } = await this.#options.store.range({ key: toBytes(keys.claim(unit)) });
    return holderOf(kvs[0]) === this.#options.machine ? kvs[0]?.modRevision : undefined;
  }

  async #claim(unit: string, assigned: Revision, lease: LeaseId): Promise<void> {
    const key = keys.claim(unit);
    const { store, clock, machine } = this.#options;
    const { kvs } = await store.range({ key: toBytes(key) });
    const holder = holderOf(kvs[0]);
    if (holder !== undefined && holder !== machine) {
      this.#othersSeenMs.set(unit, clock.monotonic());
      this.#loop.wakeAfter(RETRY_MS);
      return;
    }
    const waitMs =
      (this.#othersSeenMs.get(unit) ?? Number.NEGATIVE_INFINITY) + AFTER_OTHER_MS - clock.monotonic();
    if (holder === undefined && waitMs > 0) {
      this.#loop.wakeAfter(waitMs);
      return;
    }
    const unchanged = kvs[0] === undefined ? ifMissing(key) : ifModRevision(key, kvs[0].modRevision);
    await this.#write(unit, [ifModRevision(keys.assignment(machine, unit), assigned), unchanged], lease);
  }

  async #write(unit: string, compare: readonly Compare[], lease: LeaseId): Promise<void> {
    const { store, machine, onClaimed } = this.#options;
    const put = putJson(keys.claim(unit), { machine }, lease);
    this.#unanswered.add(unit);
    const { succeeded, header } = await store.txn({ compare, success: [put], failure: [] });
    if (this.#lease !== lease) return;
    this.#unanswered.delete(unit);
    // Somebody was faster, or the assignment is another by now, of which this machine is about to hear.
    if (!succeeded) {
      this.#loop.wakeAfter(RETRY_MS);
      return;
    }
    this.#othersSeenMs.delete(unit);
    if (!this.#wanted.has(unit)) {
      this.#released.set(unit, header.revision);
      this.#loop.wake();
      return;
    }
    this.#claimed.set(unit, header.revision);
    onClaimed();
  }
}

/** What cannot be read is somebody else's. */
function holderOf(kv: KeyValue | undefined): string | undefined {
  if (kv === undefined) return undefined;
  try {
    return claimSchema.parse(JSON.parse(toText(kv.value))).machine;
  } catch {
    return "";
  }
}
