/**
 * Publishes the states of this machine's units: each when it changes, all anew on a new lease, nothing otherwise.
 *
 * What changes while a transaction is under way goes out together in the next one. A unit that flaps is held to one
 * publication a second, so that a crash loop on one machine does not become load on the cluster. A state that a unit only
 * passes through goes out if it lasts.
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Loop } from "#base/loop.ts";
import type { Random } from "#base/random.ts";
import { keys, parseKey, ranges } from "#model/keys.ts";
import { type Outcome, outcomeSchema, type UnitState } from "#model/records.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { chunk, deleteKey, ifExists, ifModRevision, putJson } from "#store/ops.ts";
import type { LeaseId, RequestOp, Store } from "#store/store.ts";

/** So many publications of a unit within the window are free; each further one waits. */
const FLAP_BURST = 10;
const FLAP_WINDOW_MS = 10_000;
const FLAP_INTERVAL_MS = 1_000;
/** A state that lasts no longer than this while the unit is being started is not published. */
const PASSING_MS = 50;
/** One operation a unit stays below the store's limit for one transaction. */
const UNITS_PER_TXN = 100;

export interface PublisherOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly machine: string;
}

interface Recent {
  windowStartMs: number;
  count: number;
}

export class StatePublisher {
  readonly #options: PublisherOptions;
  readonly #loop: Loop;
  #paused = false;
  readonly #wanted = new Map<string, string>();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #recent = new Map<string, Recent>();
  /** By unit that is passing from one state to another: from when on what it is then is published all the same. */
  readonly #passing = new Map<string, number>();
  /** What the store has under the current lease; undefined until it was listed. */
  #published: Map<string, string> | undefined;
  #lease: LeaseId | undefined;
  readonly #dirty = new Set<string>();

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      random: options.random,
      safetyIntervalMs: 60_000,
      pass: () => this.#publish(),
      onError: (error) => options.log.warn({ error: String(error) }, "could not publish unit states"),
    });
  }

  /** Outcomes that the store may not have yet, by unit: to be kept across the daemon's death. */
  get untold(): ReadonlyMap<string, Outcome> {
    return this.#outcomes;
  }

  /** Says what a unit's state is; undefined takes it back. `isPassing`: it is expected to change at once. */
  set(unit: string, state: UnitState | undefined, isPassing = false): void {
    const wasPassing = this.#notePassing(unit, isPassing);
    const text = state === undefined ? undefined : JSON.stringify(state);
    if (this.#wanted.get(unit) === text && !wasPassing) return;
    if (text === undefined) this.#wanted.delete(unit);
    else this.#wanted.set(unit, text);
    this.#dirty.add(unit);
    this.#loop.wake();
  }

  /** True: it was passing, and is no longer. */
  #notePassing(unit: string, isPassing: boolean): boolean {
    if (!isPassing) return this.#passing.delete(unit);
    if (!this.#passing.has(unit)) this.#passing.set(unit, this.#options.clock.monotonic() + PASSING_MS);
    return false;
  }

  /** Records that a oneshot has run to its end. */
  finish(unit: string, outcome: Outcome): void {
    this.#outcomes.set(unit, outcome);
    this.#loop.wake();
  }

  /**
   * Writes all outcomes, and all states on a lease before it is used, so that whoever sees the machine sees what still
   * runs there and what need not run again.
   */
  async announce(lease: LeaseId): Promise<void> {
    const { store, machine } = this.#options;
    await this.#recordOutcomes();
    const puts = [...this.#wanted].map(([unit, text]) =>
      putJson(keys.state(machine, unit), JSON.parse(text), lease),
    );
    for (const success of chunk(puts, UNITS_PER_TXN)) await store.txn({ compare: [], success, failure: [] });
  }

  /** A new lease: everything hangs on it from now on. Undefined: there is none, and nothing is published. */
  useLease(lease: LeaseId | undefined): void {
    this.#lease = lease;
    this.#published = undefined;
    if (lease !== undefined) this.#loop.wake();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  /**
   * Publishes nothing until `resume`: states that last only while a unit is handed from one step to the next are of
   * no interest to anybody, and each would be a write that every machine hears of.
   */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.#dirty.size > 0 || this.#outcomes.size > 0) this.#loop.wake();
  }

  async #publish(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined || this.#paused) return;
    await this.#recordOutcomes();
    if (this.#published === undefined) {
      const published = await this.#listPublished(lease);
      // Another lease came meanwhile: what hangs on the old one goes with it.
      if (this.#lease !== lease) return;
      this.#published = published;
    }
    const due = this.#due();
    for (let from = 0; from < due.length; from += UNITS_PER_TXN) {
      await this.#commit(due.slice(from, from + UNITS_PER_TXN), lease);
    }
  }

  async #recordOutcomes(): Promise<void> {
    for (const [unit, outcome] of this.#outcomes) await this.#recordOutcome(unit, outcome);
  }

  /** A machine that was away must not write over the outcome of a later launch, nor for a unit that is gone. */
  async #recordOutcome(unit: string, outcome: Outcome): Promise<void> {
    const { store } = this.#options;
    const key = keys.outcome(unit);
    const known = (await store.range({ key: toBytes(key) })).kvs[0];
    if (known === undefined || launchOf(known.value) < outcome.launch) {
      const unchanged = ifModRevision(key, known?.modRevision ?? 0n);
      await store.txn({
        compare: [ifExists(keys.unit(unit)), unchanged],
        success: [putJson(key, outcome)],
        failure: [],
      });
    }
    if (this.#outcomes.get(unit) === outcome) this.#outcomes.delete(unit);
  }

  /** What the store already has on this lease; the rest, left by an earlier instance, is written over or deleted. */
  async #listPublished(lease: LeaseId): Promise<Map<string, string>> {
    const { kvs } = await this.#options.store.range(prefixRange(ranges.states(this.#options.machine)));
    const published = new Map<string, string>();
    for (const kv of kvs) {
      const unit = parseKey(toText(kv.key))?.second ?? "";
      if (kv.lease === lease) published.set(unit, toText(kv.value));
      this.#dirty.add(unit);
    }
    for (const unit of this.#wanted.keys()) this.#dirty.add(unit);
    return published;
  }

  #due(): string[] {
    const nowMs = this.#options.clock.monotonic();
    let waitMs = Number.POSITIVE_INFINITY;
    const due: string[] = [];
    for (const unit of this.#dirty) {
      const holdMs = this.#holdMs(unit, nowMs);
      if (holdMs <= 0) due.push(unit);
      else waitMs = Math.min(waitMs, holdMs);
    }
    if (waitMs !== Number.POSITIVE_INFINITY) this.#loop.wakeAfter(waitMs);
    return due;
  }

  #holdMs(unit: string, nowMs: number): number {
    const passingMs = (this.#passing.get(unit) ?? nowMs) - nowMs;
    return passingMs > 0 ? passingMs : this.#flapMs(unit, nowMs);
  }

  #flapMs(unit: string, nowMs: number): number {
    const recent = this.#recent.get(unit);
    if (recent === undefined || nowMs - recent.windowStartMs >= FLAP_WINDOW_MS) {
      this.#recent.set(unit, { windowStartMs: nowMs, count: 0 });
      return 0;
    }
    if (recent.count < FLAP_BURST) return 0;
    const slot = recent.windowStartMs + (recent.count - FLAP_BURST + 1) * FLAP_INTERVAL_MS;
    return slot - nowMs;
  }

  async #commit(units: readonly string[], lease: LeaseId): Promise<void> {
    const sent = units.map((unit) => ({
      unit,
      text: this.#wanted.get(unit),
    }));
    const success = sent.flatMap((one) => this.#operations(one, lease));
    // Until the answer is here nobody knows what the store has.
    for (const { unit } of sent) this.#published?.delete(unit);
    if (success.length > 0) await this.#options.store.txn({ compare: [], success, failure: [] });
    // The lease may have changed while the transaction was under way: then all is published anew.
    if (this.#lease !== lease) return;
    for (const one of sent) this.#settle(one);
  }

  #operations(one: Sent, lease: LeaseId): RequestOp[] {
    const operations: RequestOp[] = [];
    const key = keys.state(this.#options.machine, one.unit);
    if (one.text === undefined) operations.push(deleteKey(key));
    else if (one.text !== this.#published?.get(one.unit))
      operations.push(putJson(key, JSON.parse(one.text), lease));
    return operations;
  }

  #settle(one: Sent): void {
    if (one.text === undefined) this.#published?.delete(one.unit);
    else this.#published?.set(one.unit, one.text);
    if (this.#wanted.get(one.unit) === one.text) this.#dirty.delete(one.unit);
    const recent = this.#recent.get(one.unit);
    if (recent !== undefined) recent.count += 1;
  }
}

interface Sent {
  readonly unit: string;
  readonly text: string | undefined;
}

/** A value that cannot be read counts as older than any. */
function launchOf(value: Uint8Array): number {
  try {
    return outcomeSchema.parse(JSON.parse(toText(value))).launch;
  } catch {
    return -1;
  }
}
