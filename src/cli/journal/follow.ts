/**
 * Following the journals of a cluster: a connection a machine, their lines in the order of their times.
 *
 * A machine that goes away is named once and asked again until it is back; its units are followed wherever they go on,
 * since every machine is listened to. Machines that join are listened to as well.
 */
import type { JournalLine, JournalWish } from "#api/bodies.ts";
import { backoffDelayMs } from "#base/backoff.ts";
import { sleep } from "#base/clock.ts";
import type { FlotillaClient } from "#client/client.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { isAway, type Machine } from "./machines.ts";
import { ReorderWindow } from "./merge.ts";

/** How long a line waits for earlier ones of other machines. */
const WINDOW_MS = 100;
/** A terminal that takes lines more slowly than they come holds back the machines. */
const MAX_HELD = 10_000;
const RETRY = { firstMs: 250, maxMs: 10_000 };

export interface FollowOptions {
  readonly client: FlotillaClient;
  readonly machines: readonly Machine[];
  /** Whether machines that join belong to it. */
  readonly isWholeCluster: boolean;
  readonly wish: JournalWish;
  /** The last cursor of each machine that has shown a line already. */
  readonly cursors: ReadonlyMap<string, string>;
  readonly show: (line: JournalLine) => void;
  /** For what a person is to know of machines that come and go. */
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Resolves when the signal is aborted. @throws FlotillaError when the daemon that is asked does not answer any more */
export async function followJournals(options: FollowOptions): Promise<void> {
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const follow = new Follow({ ...options, signal });
  try {
    await Promise.race([follow.run(), aborted(signal)]);
  } finally {
    ended.abort();
  }
}

class Follow {
  readonly #options: FollowOptions;
  readonly #window: ReorderWindow;
  readonly #cursors: Map<string, string>;
  readonly #following = new Set<string>();
  readonly #away = new Set<string>();
  /** Units by the machine that they were last seen on. */
  readonly #seenOn = new Map<string, Machine>();
  /** Units of machines that have gone, with the machine. */
  readonly #lost = new Map<string, Machine>();
  readonly #failed = Promise.withResolvers<never>();
  #arrived = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<void>();

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#cursors = new Map(options.cursors);
    this.#window = new ReorderWindow(options.isWholeCluster || options.machines.length > 1 ? WINDOW_MS : 0);
  }

  async run(): Promise<void> {
    for (const machine of this.#options.machines) this.#start(machine);
    const parts = [this.#print(), this.#failed.promise];
    if (this.#options.isWholeCluster) parts.push(this.#watchMachines());
    await Promise.all(parts);
  }

  /** Follows a machine until the end; once only, however often it is seen to join. */
  #start(machine: Machine): void {
    if (this.#following.has(machine.id)) return;
    this.#following.add(machine.id);
    this.#followMachine(machine).catch(this.#failed.reject);
  }

  async #watchMachines(): Promise<void> {
    const { client, signal } = this.#options;
    const [last] = await client.events({}, 1, signal);
    for await (const { kind, machine, machineName } of client.followEvents({}, last?.id ?? "0", signal)) {
      if (kind !== "machine-joined" || machine === undefined) continue;
      this.#start({ id: machine, name: machineName ?? machine });
    }
  }

  async #followMachine(machine: Machine): Promise<void> {
    const { signal } = this.#options;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        for await (const line of this.#lines(machine)) {
          failures = 0;
          await this.#take(machine, line);
        }
      } catch (error) {
        if (!isAway(error)) throw error;
      }
      if (signal.aborted) return;
      this.#goneAway(machine);
      await sleep(systemClock, backoffDelayMs(failures + 1, systemRandom, RETRY), signal).catch(
        () => undefined,
      );
    }
  }

  #lines(machine: Machine): AsyncIterable<JournalLine> {
    const { client, wish, signal } = this.#options;
    const after = this.#cursors.get(machine.id) ?? wish.after;
    const { lines: _, ...rest } = wish;
    return client.machineJournal(machine.id, { ...rest, after, follow: "true" }, signal);
  }

  async #take(machine: Machine, line: JournalLine): Promise<void> {
    this.#cursors.set(machine.id, line.cursor);
    if (this.#away.delete(machine.id)) this.#options.say(`${line.machineName} is back`);
    const lostOn = this.#lost.get(line.unit);
    if (lostOn !== undefined && lostOn.id !== machine.id) {
      this.#options.say(`${line.unit} goes on on ${line.machineName}; it was on ${lostOn.name}`);
    }
    this.#lost.delete(line.unit);
    this.#seenOn.set(line.unit, { id: machine.id, name: line.machineName });
    this.#window.add(line, systemClock.monotonic());
    this.#arrived.resolve();
    while (this.#window.size > MAX_HELD) await this.#taken.promise;
  }

  #goneAway(machine: Machine): void {
    if (this.#away.has(machine.id)) return;
    this.#away.add(machine.id);
    for (const [unit, seenOn] of this.#seenOn) if (seenOn.id === machine.id) this.#lost.set(unit, seenOn);
    this.#options.say(`${machine.name} does not answer; what it has follows when it is back`);
  }

  async #print(): Promise<void> {
    const { signal, show } = this.#options;
    while (!signal.aborted) {
      const { dueMs } = this.#window;
      if (dueMs === undefined) {
        this.#arrived = Promise.withResolvers();
        await this.#arrived.promise;
        continue;
      }
      await sleep(systemClock, Math.max(0, dueMs - systemClock.monotonic()), signal);
      for (const line of this.#window.take(systemClock.monotonic())) show(line);
      this.#taken.resolve();
      this.#taken = Promise.withResolvers();
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
