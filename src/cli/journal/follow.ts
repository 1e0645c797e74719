/**
 * Following the journals of a cluster, their lines in the order of their times.
 *
 * The units of a machine that goes away are followed wherever they go on, since every machine is listened to.
 */
import type { JournalLine, JournalWish } from "#api/bodies.ts";
import { sleep } from "#base/clock.ts";
import type { FlotillaClient } from "#client/client.ts";
import { systemClock } from "#host/system.ts";
import { followMachines } from "../machines/follow-machines.ts";
import type { Machine } from "../machines/machines.ts";
import { ReorderWindow } from "./merge.ts";

/** How long a line waits for earlier ones of other machines. */
const WINDOW_MS = 100;
/** A terminal that takes lines more slowly than they come holds back the machines. */
const MAX_HELD = 10_000;

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
    await follow.run();
  } finally {
    ended.abort();
  }
}

class Follow {
  readonly #options: FollowOptions;
  readonly #window: ReorderWindow;
  readonly #cursors: Map<string, string>;
  /** Units by the machine that they were last seen on. */
  readonly #seenOn = new Map<string, Machine>();
  /** Units of machines that have gone, with the machine. */
  readonly #lost = new Map<string, Machine>();
  #arrived = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<void>();

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#cursors = new Map(options.cursors);
    this.#window = new ReorderWindow(options.isWholeCluster || options.machines.length > 1 ? WINDOW_MS : 0);
  }

  /** Printing ends by failing only: it waits for lines, or is ended with everything else. */
  async run(): Promise<void> {
    const { client, machines, isWholeCluster, signal, say } = this.#options;
    const following = followMachines<JournalLine>(
      {
        ...{ client, machines, isWholeCluster },
        read: (machine) => this.#lines(machine),
        take: (machine, line) => this.#take(machine, line),
        goneAway: (machine) => this.#goneAway(machine),
        cameBack: (_, { machineName }) => say(`${machineName} is back`),
      },
      signal,
    );
    await Promise.race([following, this.#print()]);
  }

  #lines(machine: Machine): AsyncIterable<JournalLine> {
    const { client, wish, signal } = this.#options;
    const after = this.#cursors.get(machine.id) ?? wish.after;
    const { lines: _, ...rest } = wish;
    return client.machineJournal(machine.id, { ...rest, after, follow: "true" }, signal);
  }

  async #take(machine: Machine, line: JournalLine): Promise<void> {
    this.#cursors.set(machine.id, line.cursor);
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
      await sleep(systemClock, Math.max(0, dueMs - systemClock.monotonic()), signal).catch(() => undefined);
      for (const line of this.#window.take(systemClock.monotonic())) show(line);
      this.#taken.resolve();
      this.#taken = Promise.withResolvers();
    }
  }
}
