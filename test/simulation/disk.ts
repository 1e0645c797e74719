/** The disk of a simulated machine: it survives crashes and power cuts, takes its time, and may be full. */
import { type AgentMemory, emptyMemory, type MemoryFile } from "#agent/memory.ts";
import type { FileCache } from "#agent/unit-files.ts";
import { type Clock, sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomInteger } from "#base/random.ts";

/** What stands on the disk. */
export class Disk {
  memory: AgentMemory = emptyMemory();
  readonly files = new Map<string, string>();
  full = false;
  /** `unit launch` of every oneshot that was ever written down here as finished. */
  readonly finished = new Set<string>();

  remember(memory: AgentMemory): void {
    this.memory = memory;
    for (const [unit, { launch, completed }] of Object.entries(memory.applied)) {
      if (completed) this.finished.add(`${unit} ${launch}`);
    }
  }
}

/** A write is on the disk half-way through, so that a crash may come before it, or between it and the answer. */
function write(disk: Disk, clock: Clock, random: Random, act: () => void): Promise<void> {
  return sleep(clock, randomInteger(random, 0, 10))
    .then(() => {
      if (disk.full) throw new FlotillaError("disk-full", "no space left on the disk", { retryable: true });
      act();
    })
    .then(() => sleep(clock, randomInteger(random, 0, 10)));
}

/** The agent's memory as the process with this clock reads and writes it. */
export function memoryOn(disk: Disk, clock: Clock, random: Random): MemoryFile {
  return {
    load: async () => structuredClone(disk.memory),
    save: (memory) => {
      const copy = structuredClone(memory);
      return write(disk, clock, random, () => disk.remember(copy));
    },
  };
}

export function filesOn(disk: Disk, clock: Clock, random: Random): FileCache {
  return {
    read: async (hash) => disk.files.get(hash),
    write: (hash, text) => write(disk, clock, random, () => disk.files.set(hash, text)),
    keep: async (hashes) => {
      for (const hash of disk.files.keys()) if (!hashes.has(hash)) disk.files.delete(hash);
    },
  };
}
