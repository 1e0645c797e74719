/**
 * What each machine of a cluster has to tell, followed over a connection a machine.
 *
 * A machine that goes away is told of once and asked again until it is back; machines that join are followed as well.
 */
import { backoffDelayMs } from "#base/backoff.ts";
import { sleep } from "#base/clock.ts";
import type { FlotillaClient } from "#client/client.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { isAway, type Machine } from "./machines.ts";

const RETRY = { firstMs: 250, maxMs: 10_000 };

export interface MachineFollowing<T> {
  readonly client: FlotillaClient;
  readonly machines: readonly Machine[];
  /** Whether machines that join belong to it. */
  readonly isWholeCluster: boolean;
  /** What a machine has from where it was left on; asked for again whenever it has ended. */
  readonly read: (machine: Machine, signal: AbortSignal) => AsyncIterable<T>;
  /** No more is read of the machine before it resolves. */
  readonly take: (machine: Machine, item: T) => Promise<void> | void;
  /** The machine does not answer; told once until it has something again. */
  readonly goneAway: (machine: Machine) => void;
  /** A machine that did not answer has this now. */
  readonly cameBack: (machine: Machine, item: T) => void;
}

/**
 * Resolves when the signal is aborted.
 * @throws FlotillaError when the daemon that is asked does not answer any more
 */
export async function followMachines<T>(following: MachineFollowing<T>, signal: AbortSignal): Promise<void> {
  const all = new AllMachines(following, signal);
  await all.run();
}

class AllMachines<T> {
  readonly #following: MachineFollowing<T>;
  readonly #signal: AbortSignal;
  readonly #started = new Set<string>();
  readonly #away = new Set<string>();
  readonly #failed = Promise.withResolvers<never>();

  constructor(following: MachineFollowing<T>, signal: AbortSignal) {
    this.#following = following;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const { machines, isWholeCluster } = this.#following;
    for (const machine of machines) this.#start(machine);
    const ended = aborted(this.#signal);
    await Promise.race([ended, this.#failed.promise, isWholeCluster ? this.#watchMachines() : ended]);
  }

  /** Follows a machine until the end; once only, however often it is seen to join. */
  #start(machine: Machine): void {
    if (this.#started.has(machine.id)) return;
    this.#started.add(machine.id);
    this.#follow(machine).catch(this.#failed.reject);
  }

  async #watchMachines(): Promise<void> {
    const { client } = this.#following;
    const [last] = await client.events({}, 1, this.#signal);
    const events = client.followEvents({}, last?.id ?? "0", this.#signal);
    for await (const { kind, machine, machineName } of events) {
      if (kind !== "machine-joined" || machine === undefined) continue;
      this.#start({ id: machine, name: machineName ?? machine });
    }
  }

  async #follow(machine: Machine): Promise<void> {
    const signal = this.#signal;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        for await (const item of this.#following.read(machine, signal)) {
          failures = 0;
          if (this.#away.delete(machine.id)) this.#following.cameBack(machine, item);
          await this.#following.take(machine, item);
        }
      } catch (error) {
        if (!isAway(error)) throw error;
      }
      if (signal.aborted) return;
      this.#goneAway(machine);
      const delayMs = backoffDelayMs(failures + 1, systemRandom, RETRY);
      await sleep(systemClock, delayMs, signal).catch(() => undefined);
    }
  }

  #goneAway(machine: Machine): void {
    if (this.#away.has(machine.id)) return;
    this.#away.add(machine.id);
    this.#following.goneAway(machine);
  }
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
