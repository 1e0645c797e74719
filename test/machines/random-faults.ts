/** Faults at random, for one machine at a time: what is done, for how long, and how it is taken back. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Random, randomInteger } from "#base/random.ts";
import { pick } from "../simulation/chance.ts";
import type { Direction } from "./faults.ts";
import type { Machine } from "./machine.ts";
import type { Machines } from "./machines.ts";

/** `store-away`: the daemon of the machine that has the store is stopped, whoever the victim is. */
const KINDS = ["partition", "pause", "daemon-stopped", "store-away", "daemon-killed"] as const;
const DIRECTIONS: readonly Direction[] = ["both", "in", "out"];

export interface RandomFault {
  readonly kind: (typeof KINDS)[number];
  readonly direction: Direction;
  /** Whether it befalls the machine that runs the unit. */
  readonly atHolder: boolean;
  readonly durationMs: number;
}

/** Each kind comes as often as the others; of durations some are shorter than a lease, most are longer. */
export function randomFaults(random: Random, count: number): readonly RandomFault[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: KINDS[index % KINDS.length] ?? "partition",
    direction: index < KINDS.length ? "both" : pick(random, DIRECTIONS),
    atHolder: index < KINDS.length || randomInteger(random, 1, 5) > 1,
    durationMs: index < KINDS.length ? 8_000 : randomInteger(random, 2_000, 11_000),
  }));
}

/** Lets it happen, and resolves when it is over and taken back. */
export async function endure(
  { kind, direction, durationMs }: RandomFault,
  victim: Machine,
  machines: Machines,
): Promise<void> {
  switch (kind) {
    case "partition":
      await victim.cutFrom(machines.all, direction);
      await sleep(durationMs);
      return victim.heal();
    case "pause":
      victim.pause();
      await sleep(durationMs);
      return victim.resume();
    case "daemon-stopped":
      return stopDaemon(victim, durationMs);
    case "store-away":
      return stopDaemon(machines.get("m1"), durationMs);
    case "daemon-killed":
      return victim.signalDaemon("KILL");
  }
}

async function stopDaemon(machine: Machine, durationMs: number): Promise<void> {
  await machine.signalDaemon("STOP");
  await sleep(durationMs);
  await machine.signalDaemon("CONT");
}
