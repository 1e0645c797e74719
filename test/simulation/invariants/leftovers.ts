/**
 * At rest nothing is left of what there is no more: every key of the store belongs to a unit or a machine, every lease
 * has keys, and every machine's disk remembers what it has and no more.
 */
import { type ParsedKey, parseKey, ranges } from "#model/keys.ts";
import { claimSchema } from "#model/records.ts";
import { prefixRange, toText } from "#store/keys.ts";
import type { KeyValue, Store } from "#store/store.ts";
import type { SimulatedMachine } from "../machine.ts";
import { specOf } from "../workload.ts";
import type { World } from "../world.ts";

/** What is left, in words; empty while the store is away, too. */
export async function whatIsLeft(world: World): Promise<readonly string[]> {
  const { store } = world.server;
  if (store === undefined) return [];
  const { kvs } = await store.range(prefixRange(ranges.all));
  const keys = kvs.flatMap((kv) => {
    const parsed = parseKey(toText(kv.key));
    const why = parsed === undefined ? "nobody knows the key" : strangeness(world, parsed, kv);
    return why === undefined ? [] : [`${toText(kv.key)} is left: ${why}`];
  });
  return [...keys, ...(await emptyLeases(store)), ...world.machines.flatMap(disksLeft)];
}

/** Why a key belongs to nothing; undefined for one that does. */
function strangeness(world: World, { kind, first, second }: ParsedKey, kv: KeyValue): string | undefined {
  const { view } = world.history;
  const noMachine = world.machineOf(first) === undefined ? "there is no such machine" : undefined;
  switch (kind) {
    case "machine":
    case "machine-config":
    case "usage":
      return noMachine;
    case "drain-deadline": {
      const untilMs = view.machineConfigs.get(first)?.drain?.untilMs;
      return noMachine ?? (untilMs === undefined ? "no drain of the machine has a deadline" : undefined);
    }
    case "assignment":
      return noMachine ?? (isWanted(world, second) ? undefined : "nobody asks for the unit");
    case "state":
      return noMachine ?? (isAssigned(world, first, second) ? undefined : "the unit is not assigned there");
    case "outcome":
      return view.units.has(first) ? undefined : "there is no such unit";
    case "claim":
      return strangeClaim(world, first, kv);
    default:
      return undefined;
  }
}

function isWanted(world: World, unit: string): boolean {
  const record = world.history.view.units.get(unit);
  return record !== undefined && record.desired !== "inactive";
}

function isAssigned(world: World, machine: string, unit: string): boolean {
  return world.history.view.assignments.get(machine)?.has(unit) === true;
}

function strangeClaim(world: World, unit: string, { value }: KeyValue): string | undefined {
  const { machine } = claimSchema.parse(JSON.parse(toText(value)));
  if (specOf(unit)?.strict !== true) return "the unit is not strict";
  return isAssigned(world, machine, unit)
    ? undefined
    : `the unit is not assigned to ${world.nameOf(machine)}`;
}

async function emptyLeases(store: Store): Promise<readonly string[]> {
  const leases = await store.leaseList();
  const found = await Promise.all(leases.map((id) => store.leaseTimeToLive(id, true)));
  return found.flatMap(({ keys, ttlS }, index) =>
    keys.length > 0 ? [] : [`lease ${leases[index]} is left for ${ttlS} s: no key hangs on it`],
  );
}

/** What has been told may still count as untold, and a text may have come for a unit that had gone: both harmless. */
function disksLeft({ name, disk }: SimulatedMachine): readonly string[] {
  const { assignments, applied, strict } = disk.memory;
  const left = (what: string, units: object): readonly string[] =>
    Object.keys(units)
      .filter((unit) => !Object.hasOwn(assignments, unit))
      .map((unit) => `${name} still remembers ${what} ${unit}`);
  return [...left("what was done with", applied), ...left("the stop of", strict)];
}
