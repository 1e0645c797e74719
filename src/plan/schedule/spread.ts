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
 * The machines divided by the values of keys, the later keys within the earlier ones: with rack and machine, first the
 * least used rack is looked for, then the least used machine in it. Each division is a domain, known by its number.
 * Machines without a key share the empty value, as in swarmkit, so that they are neither preferred nor left out.
 */
export class SpreadLayout {
  readonly keys: readonly string[];
  /** By machine index: the domain at each depth. */
  readonly #domains: readonly (readonly number[])[];

  constructor(keys: readonly string[], machines: readonly ScheduledMachine[]) {
    this.keys = keys;
    const numbers = new Map<string, number>();
    this.#domains = machines.map((machine) => {
      let path = "";
      return keys.map((key, depth) => {
        // Neither metadata values nor machine IDs hold a NUL, so different paths stay different.
        path = `${path}\0${keyValue(machine, key)}`;
        const name = `${depth}${path}`;
        const number = numbers.get(name) ?? numbers.size;
        numbers.set(name, number);
        return number;
      });
    });
  }

  domainsOf(machine: ScheduledMachine): readonly number[] {
    return this.#domains[machine.index] ?? [];
  }
}

/** Instances of one template, counted by the domains of a layout. */
export class SpreadCounts {
  readonly layout: SpreadLayout;
  readonly #counts = new Map<number, number>();

  constructor(layout: SpreadLayout) {
    this.layout = layout;
  }

  /** Takes `change` instances on the machine into the counts. */
  count(machine: ScheduledMachine, change: number): void {
    for (const domain of this.layout.domainsOf(machine)) {
      const count = this.at(domain) + change;
      if (count === 0) this.#counts.delete(domain);
      else this.#counts.set(domain, count);
    }
  }

  at(domain: number): number {
    return this.#counts.get(domain) ?? 0;
  }

  /** The domains that have instances. */
  used(): Iterable<number> {
    return this.#counts.keys();
  }

  /** What a further instance on the machine would add to, key by key. */
  usesOf(machine: ScheduledMachine): readonly SpreadUse[] {
    const domains = this.layout.domainsOf(machine);
    return this.layout.keys.map((key, depth) => ({
      key,
      value: keyValue(machine, key),
      instances: this.at(domains[depth] ?? -1),
    }));
  }
}

function keyValue(machine: ScheduledMachine, key: string): string {
  return key === MACHINE_KEY ? machine.facts.id : (machine.facts.metadata[key] ?? "");
}
