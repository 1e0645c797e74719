/**
 * Publishes what this machine's units use together, for whoever places units and for people.
 *
 * It changes by steps: a machine whose use stays about the same writes nothing, so that an idle cluster is idle.
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Loop } from "#base/loop.ts";
import type { Random } from "#base/random.ts";
import { keys } from "#model/keys.ts";
import type { Capacity, Usage } from "#model/records.ts";
import { putJson } from "#store/ops.ts";
import type { LeaseId, Store } from "#store/store.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";

const INTERVAL_MS = 10_000;
/** Many units take long to look at: that is done more seldom then, so that it takes a thousandth of the time. */
const RESTS_FOR_EACH_MS = 1_000;
const REST_MAX_MS = 60_000;
/** A change below this share of the machine is not worth a write. */
const STEP = 0.05;

export interface UsagePublisherOptions {
  readonly store: Store;
  readonly supervisor: Pick<Supervisor, "usage">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly machine: string;
  readonly capacity: Capacity;
}

export class UsagePublisher {
  readonly #options: UsagePublisherOptions;
  readonly #loop: Loop;
  #lease: LeaseId | undefined;
  #published: Usage | undefined;
  /** On the monotonic clock. */
  #restsUntilMs = 0;
  #sample: { readonly cpuMs: number; readonly atMs: number } | undefined;

  constructor(options: UsagePublisherOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      random: options.random,
      safetyIntervalMs: INTERVAL_MS,
      pass: () => this.#publish(),
      onError: (error) => options.log.warn({ error: String(error) }, "could not publish what the units use"),
    });
  }

  /** Begins anew on a new lease; without one nothing is published. */
  useLease(lease: LeaseId | undefined): void {
    this.#lease = lease;
    this.#published = undefined;
    this.#restsUntilMs = 0;
    if (lease !== undefined) this.#loop.wake();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  async #publish(): Promise<void> {
    if (this.#options.clock.monotonic() < this.#restsUntilMs) return;
    const usage = this.#measure();
    const lease = this.#lease;
    if (usage === undefined || lease === undefined) return;
    if (!isWorthWriting(this.#published, usage, this.#options.capacity)) return;
    const { store, machine } = this.#options;
    await store.txn({ compare: [], success: [putJson(keys.usage(machine), usage, lease)], failure: [] });
    if (lease === this.#lease) this.#published = usage;
  }

  /** Undefined where nothing is counted. The first time there is no span over which the processors were used. */
  #measure(): Usage | undefined {
    const { supervisor, clock } = this.#options;
    const atMs = clock.monotonic();
    const { cpuMs, memoryBytes } = supervisor.usage();
    this.#restsUntilMs = atMs + Math.min(REST_MAX_MS, (clock.monotonic() - atMs) * RESTS_FOR_EACH_MS);
    if (cpuMs === undefined || memoryBytes === undefined) return undefined;
    const before = this.#sample;
    this.#sample = { cpuMs, atMs };
    // The count falls when a unit's cgroup goes with what it had used.
    const used =
      before === undefined ? 0 : Math.max(0, cpuMs - before.cpuMs) / Math.max(1, atMs - before.atMs);
    return { cpuMillis: Math.round(used * 1000), memoryBytes };
  }
}

/** Whether the use has changed by more than a step since it was published. Pure. */
export function isWorthWriting(published: Usage | undefined, usage: Usage, capacity: Capacity): boolean {
  // A machine that uses next to nothing is what everybody takes it for anyway.
  const { cpuMillis, memoryBytes } = published ?? { cpuMillis: 0, memoryBytes: 0 };
  return (
    Math.abs(usage.cpuMillis - cpuMillis) > STEP * capacity.cpuMillis ||
    Math.abs(usage.memoryBytes - memoryBytes) > STEP * capacity.memoryBytes
  );
}
