/**
 * The leases there are, the keys that hang on each and the moment each ends, on the monotonic clock.
 * Data only: deleting the keys of a lease that ended is a write like any other and not done here.
 */
import type { Bytes, LeaseId } from "../store.ts";
import { byText, sorted } from "./sort.ts";
import { STEP_ENTRIES, type Steps } from "./steps.ts";

/**
 * etcd takes at least one and a half election timeouts (2 s by default), because a new leader needs that long to
 * learn of renewals. One process that holds all leases in memory needs no such margin.
 */
export const LEASE_TTL_MIN_S = 1;
/** Etcd's limit: the seconds must fit into 63 bits of nanoseconds. */
export const LEASE_TTL_MAX_S = 9_000_000_000;

export interface Lease {
  readonly id: LeaseId;
  readonly ttlS: number;
  deadlineMs: number;
  /** As the index holds them. */
  readonly keys: Set<string>;
}

export class Leases {
  readonly #leases = new Map<LeaseId, Lease>();

  get(id: LeaseId): Lease | undefined {
    return this.#leases.get(id);
  }

  get size(): number {
    return this.#leases.size;
  }

  all(): Iterable<Lease> {
    return this.#leases.values();
  }

  /** In the order in which they end, as etcd lists them. */
  *ids(): Steps<LeaseId[]> {
    const leases = yield* sorted([...this.#leases.values()], (a, b) => a.deadlineMs - b.deadlineMs);
    return leases.map(({ id }) => id);
  }

  add(id: LeaseId, ttlS: number, nowMs: number): Lease {
    const lease = { id, ttlS, deadlineMs: nowMs + ttlS * 1000, keys: new Set<string>() };
    this.#leases.set(id, lease);
    return lease;
  }

  restore(lease: Lease): void {
    this.#leases.set(lease.id, lease);
  }

  remove(id: LeaseId): void {
    this.#leases.delete(id);
  }

  /** Hangs a key on another lease; 0 is none, and a lease that is gone is passed over. */
  move(key: string, from: LeaseId, to: LeaseId): void {
    if (from === to) return;
    this.#leases.get(from)?.keys.delete(key);
    this.#leases.get(to)?.keys.add(key);
  }

  /** Gives every lease its full time again: after a restart nobody could have renewed. */
  extendAll(nowMs: number): void {
    for (const lease of this.#leases.values()) lease.deadlineMs = nowMs + lease.ttlS * 1000;
  }

  /** Leases whose time has passed, in the order in which it did. */
  expired(nowMs: number): Lease[] {
    return [...this.#leases.values()]
      .filter((lease) => lease.deadlineMs <= nowMs)
      .sort((a, b) => a.deadlineMs - b.deadlineMs);
  }

  /** The earliest end after `nowMs` of any lease; undefined when there is none. */
  nextDeadlineMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const { deadlineMs } of this.#leases.values()) {
      if (deadlineMs > nowMs && (next === undefined || deadlineMs < next)) next = deadlineMs;
    }
    return next;
  }
}

/** The keys of a lease, in order. */
export function* keysOf(lease: Lease): Steps<Bytes[]> {
  const keys: Bytes[] = [];
  for (const key of yield* sorted([...lease.keys], byText)) {
    keys.push(Buffer.from(key, "latin1"));
    if (keys.length % STEP_ENTRIES === 0) yield;
  }
  return keys;
}
