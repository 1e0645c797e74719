/**
 * The election of the engine: whoever writes the engine key while it is missing is elected, for as long as the key
 * stands as written.
 *
 * The key hangs on the machine's lease, so a machine that is gone is deposed with it. The seat is the key's
 * modification revision: every commit of the engine is guarded by it, so that a deposed engine can write nothing. A
 * daemon that finds its own machine's earlier instance in the seat takes it over, since one directory has one daemon.
 * And when nobody reaches the machine in the seat, it is deposed: its lease, on which claims may hang, is left alone, but
 * the key is written anew. That it may be wrong about it costs an election and nothing else.
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Loop } from "#base/loop.ts";
import type { Random } from "#base/random.ts";
import { type Mirror, startMirror } from "#mirror/mirror.ts";
import { keys } from "#model/keys.ts";
import { type EngineRecord, engineRecordSchema } from "#model/records.ts";
import { toText } from "#store/keys.ts";
import { ifMissing, ifModRevision, putJson } from "#store/ops.ts";
import type { Compare, LeaseId, Revision, Store } from "#store/store.ts";

export interface ElectionOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly machine: string;
  readonly instance: string;
  /** Whether neither this machine nor others reach that one; then this one may take its seat. */
  readonly isUnreachable?: (machine: string) => boolean;
  /** Told when this machine is elected, with its seat, and when it no longer is. */
  readonly onSeat: (seat: Seat | undefined) => void;
}

/** Proof of being elected. */
export interface Seat {
  readonly revision: Revision;
}

interface Holder {
  readonly record: EngineRecord | undefined;
  readonly modRevision: Revision;
  /** Monotonic time at which it was first seen in the seat. */
  readonly sinceMs: number;
}

/** How long a machine has its seat for sure: two that do not reach each other must not depose one another in turns. */
const TENURE_MS = 10_000;

export class Election {
  readonly #options: ElectionOptions;
  readonly #loop: Loop;
  #mirror: Mirror | undefined;
  #listed = false;
  #holder: Holder | undefined;
  #lease: LeaseId | undefined;
  #seat: Seat | undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      random: options.random,
      safetyIntervalMs: 60_000,
      backoff: { firstMs: 50, maxMs: 1_000 },
      pass: () => this.#campaign(),
      onError: (error) => options.log.warn({ error: String(error) }, "could not stand for election"),
    });
  }

  /** Stands for election from now on, with the machine's lease; undefined withdraws until there is a new one. */
  useLease(lease: LeaseId | undefined): void {
    this.#lease = lease;
    if (lease === undefined) this.#take(undefined);
    this.#mirror ??= this.#follow();
    this.#loop.wake();
  }

  /** To be called when a machine has become unreachable. */
  reconsider(): void {
    this.#loop.wake();
  }

  async stop(): Promise<void> {
    await this.#mirror?.stop();
    await this.#loop.stop();
    this.#take(undefined);
  }

  #follow(): Mirror {
    const { store, clock, random } = this.#options;
    return startMirror({
      store,
      prefix: keys.engine(),
      clock,
      random,
      onConnected: () => undefined,
      onBatch: (batch) => {
        this.#listed = true;
        for (const change of batch.changes) {
          if (change.key === keys.engine()) this.#see(change.value, change.modRevision);
        }
        this.#loop.wake();
      },
    });
  }

  #see(value: Uint8Array | undefined, modRevision: Revision): void {
    const sinceMs = this.#options.clock.monotonic();
    this.#holder = value === undefined ? undefined : { record: readRecord(value), modRevision, sinceMs };
    if (this.#seat !== undefined && this.#holder?.modRevision !== this.#seat.revision) this.#take(undefined);
  }

  async #campaign(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined || !this.#listed || this.#seat !== undefined) return;
    const guard = this.#vacancy();
    if (guard === undefined) return;
    const { store, clock, machine, instance } = this.#options;
    const record: EngineRecord = { machine, instance, electedMs: clock.now() };
    const won = await store.txn({
      compare: [guard],
      success: [putJson(keys.engine(), record, lease)],
      failure: [],
    });
    if (won.succeeded && this.#lease === lease) this.#take({ revision: won.header.revision });
  }

  /** The condition under which the seat is free to take; undefined while another holds it. */
  #vacancy(): Compare | undefined {
    if (this.#holder === undefined) return ifMissing(keys.engine());
    const { record, modRevision } = this.#holder;
    const mayTake =
      record !== undefined && (record.machine === this.#options.machine || this.#mayDepose(record));
    return mayTake ? ifModRevision(keys.engine(), modRevision) : undefined;
  }

  #mayDepose({ machine }: EngineRecord): boolean {
    const { clock, isUnreachable } = this.#options;
    if (this.#holder === undefined || isUnreachable?.(machine) !== true) return false;
    const waitMs = this.#holder.sinceMs + TENURE_MS - clock.monotonic();
    if (waitMs > 0) this.#loop.wakeAfter(waitMs);
    return waitMs <= 0;
  }

  #take(seat: Seat | undefined): void {
    if (this.#seat?.revision === seat?.revision) return;
    this.#seat = seat;
    this.#options.log.info({}, seat === undefined ? "no longer the engine" : "elected as engine");
    this.#options.onSeat(seat);
  }
}

function readRecord(value: Uint8Array): EngineRecord | undefined {
  try {
    return engineRecordSchema.parse(JSON.parse(toText(value)));
  } catch {
    return undefined;
  }
}

/** The guard that every commit of the engine carries. */
export function stillElected(seat: Seat): Compare {
  return ifModRevision(keys.engine(), seat.revision);
}
