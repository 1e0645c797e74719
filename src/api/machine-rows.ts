/** Machines as the API shows them, and which one a person means. Pure. */
import { FlotillaError } from "#base/errors.ts";
import { compareNaturally } from "#base/natural-order.ts";
import { type ClusterView, effectiveMetadata } from "#model/cluster-state.ts";
import type { MachineRecord } from "#model/records.ts";
import { isStoreMember } from "#plan/reconcile/drains.ts";
import type { MachineRow } from "./bodies.ts";

/** Every machine that is present, by name. */
export function machineRows(view: ClusterView): MachineRow[] {
  return [...view.machines.values()]
    .sort((a, b) => compareNaturally(a.name, b.name) || (a.id < b.id ? -1 : 1))
    .map((machine) => machineRow(view, machine));
}

export function machineRow(view: ClusterView, machine: MachineRecord): MachineRow {
  const config = view.machineConfigs.get(machine.id);
  const { id, instance: _, bootId: __, leaving: ___, ...shown } = machine;
  return {
    ...shown,
    machine: id,
    metadata: { ...effectiveMetadata(machine, config) },
    cordoned: config?.cordoned ?? false,
    drain: drainOf(view, machine.id),
    usage: view.usages.get(id) ?? null,
    units: view.assignments.get(id)?.size ?? 0,
    engine: view.engine?.machine === id,
    // Once the store has moved, what the machine says of itself is of before.
    hasStore: view.store?.members.some((member) => member.machine === id) ?? machine.hasStore,
  };
}

/** @throws FlotillaError `machine-not-found`, `machine-ambiguous`; `machine-gone` for one that is known and not present */
export function presentMachine(view: ClusterView, text: string): MachineRow {
  const machine = view.machines.get(findMachine(view, text));
  if (machine !== undefined) return machineRow(view, machine);
  throw new FlotillaError("machine-gone", `machine ${text} is not present`, {
    hint: "flotilla events tells when it was lost",
  });
}

/** Whether the machine is emptied, and how far that is. */
export function drainOf(view: ClusterView, id: string): MachineRow["drain"] {
  const drain = view.machineConfigs.get(id)?.drain;
  const leaving = view.machines.get(id)?.leaving === true;
  if (drain === undefined && !leaving) return null;
  const left = [...(view.assignments.get(id)?.keys() ?? [])].filter((unit) => !isStoreMember(unit));
  return {
    state: leaving ? "leaving" : left.length === 0 ? "drained" : "draining",
    sinceMs: drain?.sinceMs ?? null,
    untilMs: drain?.untilMs ?? null,
    force: drain?.force ?? false,
  };
}

/**
 * The ID of the machine that `text` means: its ID, a prefix that only it has, or its name.
 * @throws FlotillaError `machine-not-found` or `machine-ambiguous`
 */
export function findMachine(view: ClusterView, text: string): string {
  const known = new Set([...view.machines.keys(), ...view.machineConfigs.keys()]);
  if (known.has(text)) return text;
  const named = [...view.machines.values()].filter((machine) => machine.name === text).map(({ id }) => id);
  const begun = /^[0-9a-f]{1,31}$/.test(text) ? [...known].filter((id) => id.startsWith(text)) : [];
  const found = named.length > 0 ? named : begun;
  const [first, ...others] = found;
  if (first === undefined) throw machineNotFound(view, text);
  if (others.length > 0) throw machineAmbiguous(view, text, found);
  return first;
}

function machineNotFound(view: ClusterView, text: string): FlotillaError {
  const names = machineRows(view).map(({ name }) => name);
  return new FlotillaError("machine-not-found", `no machine has the ID, prefix or name ${text}`, {
    hint: names.length === 0 ? "no machine is present" : `present are: ${names.slice(0, 20).join(", ")}`,
  });
}

function machineAmbiguous(view: ClusterView, text: string, ids: readonly string[]): FlotillaError {
  return new FlotillaError("machine-ambiguous", `${text} means ${ids.length} machines`, {
    causes: ids.map((id) => `${id} ${view.machines.get(id)?.name ?? ""}`.trim()),
    hint: "give more of the ID",
  });
}
