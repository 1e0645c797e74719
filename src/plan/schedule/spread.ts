/** How the instances of one template are spread over the values of metadata keys. */
import type { ScheduledMachine } from "./machine.ts";

/** The key that means machines themselves. */
const MACHINE_KEY = "machine";

/** One key of Spread= and how many instances its value on a machine already has. */
export interface SpreadUse {
  readonly key: string;
  readonly value: string;
  readonly instances: number;
}

/**
 * Instances counted by the values of `keys`, the later keys within the earlier ones: with rack and machine, first the
 * least used rack is looked for, then the least used machine of it. Machines without a key share the empty value, as
 * in swarmkit, so that they are neither preferred nor left out.
 */
export class SpreadCounts {
  readonly keys: readonly string[];
  readonly #counts = new Map<string, number>();

  constructor(keys: readonly string[]) {
    this.keys = keys;
  }

  /** Takes `change` instances on the machine into the counts. */
  count(machine: ScheduledMachine, change: number): void {
    for (let depth = 0; depth < this.keys.length; depth++) {
      const path = pathOf(machine, this.keys, depth);
      this.#counts.set(path, this.at(path) + change);
    }
  }

  at(path: string): number {
    return this.#counts.get(path) ?? 0;
  }

  /** What a further instance on the machine would add to, key by key. */
  usesOf(machine: ScheduledMachine): readonly SpreadUse[] {
    return this.keys.map((key, depth) => ({
      key,
      value: keyValue(machine, key),
      instances: this.at(pathOf(machine, this.keys, depth)),
    }));
  }
}

export function keyValue(machine: ScheduledMachine, key: string): string {
  return key === MACHINE_KEY ? machine.facts.id : (machine.facts.metadata[key] ?? "");
}

/** Names the machine's values of the first `depth` + 1 keys; values hold no NUL. */
export function pathOf(machine: ScheduledMachine, keys: readonly string[], depth: number): string {
  let path = keyValue(machine, keys[depth] ?? "");
  for (let above = depth - 1; above >= 0; above--) path = `${keyValue(machine, keys[above] ?? "")}\0${path}`;
  return path;
}
