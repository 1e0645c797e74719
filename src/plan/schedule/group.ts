/** Which units belong together: the instances of one template, and how many of them each machine has. */
import type { ScheduledMachine } from "./machine.ts";

/** `web@.service` for `web@1.service`; undefined for a unit that is no instance. */
export function groupOf(unit: string): string | undefined {
  const at = unit.indexOf("@");
  const dot = unit.lastIndexOf(".");
  if (at < 0 || dot <= at + 1) return undefined;
  return unit.slice(0, at + 1) + unit.slice(dot);
}

/** Instances of each template by machine; machines without any are left out. */
export class Groups {
  readonly #groups = new Map<string, Map<ScheduledMachine, number>>();

  /** Takes `change` instances of the template on the machine into the counts. */
  count(group: string, machine: ScheduledMachine, change: number): void {
    const machines = this.#groups.get(group) ?? new Map<ScheduledMachine, number>();
    this.#groups.set(group, machines);
    const count = (machines.get(machine) ?? 0) + change;
    if (count === 0) machines.delete(machine);
    else machines.set(machine, count);
  }

  countOn(group: string, machine: ScheduledMachine): number {
    return this.#groups.get(group)?.get(machine) ?? 0;
  }

  machinesOf(group: string): Iterable<readonly [ScheduledMachine, number]> {
    return this.#groups.get(group) ?? [];
  }
}
