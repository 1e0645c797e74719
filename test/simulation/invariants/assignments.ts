/** What must be true of assignments at every single revision of the store. */
import type { ClusterView } from "#model/cluster-state.ts";
import { parseKey } from "#model/keys.ts";
import { clusterEventSchema } from "#model/records.ts";
import { toText } from "#store/keys.ts";
import type { HistoryEntry } from "../history.ts";
import { mayOverlap, specOf } from "../workload.ts";
import type { Watcher, World } from "../world.ts";

/** A non-global unit is assigned to one machine at most, and to two while it is moved; each placement, move and removal is told of as it happens. */
export function watchAssignments(world: World): Watcher {
  const holders = new Map<string, Set<string>>();
  return {
    onRevision(entry, after) {
      const told = unitsToldOf(entry);
      for (const { key, value } of entry.changes) {
        const parsed = parseKey(key);
        if (parsed?.kind !== "assignment") continue;
        const { first: machine, second: unit } = parsed;
        const on = holders.get(unit) ?? new Set<string>();
        holders.set(unit, on);
        const isNew = value !== undefined && !on.has(machine);
        if (value === undefined) on.delete(machine);
        else on.add(machine);
        if (isNew || value === undefined) checkTold(world, unit, told);
        if (value !== undefined) checkAsked(world, after, unit, machine);
      }
      for (const { key } of entry.changes) checkSingle(world, after, parseKey(key)?.second ?? "", holders);
    },
  };
}

function checkSingle(
  world: World,
  after: ClusterView,
  unit: string,
  holders: ReadonlyMap<string, ReadonlySet<string>>,
): void {
  const on = holders.get(unit);
  const spec = specOf(unit);
  if (on === undefined || on.size < 2 || spec?.global === true) return;
  if (on.size === 2 && spec !== undefined && mayOverlap(spec) && isOnItsWay(after, unit, on)) return;
  const names = [...on].map((machine) => world.nameOf(machine)).join(" and ");
  world.fail("never two assignments", `${unit} is assigned to ${names}`);
}

/** One of the two is the new copy, and names the other. */
export function isOnItsWay(view: ClusterView, unit: string, on: Iterable<string>): boolean {
  const machines = [...on];
  return machines.some((machine) => {
    const from = view.assignments.get(machine)?.get(unit)?.movesFrom;
    return from !== undefined && from !== machine && machines.includes(from);
  });
}

function checkTold(world: World, unit: string, told: ReadonlySet<string>): void {
  if (!told.has(unit)) world.fail("events tell of each move", `no event tells of ${unit}`);
}

/** An assignment says what the unit's record says at that very revision; one that is about to be replaced stays as it is. */
function checkAsked(world: World, after: ClusterView, unit: string, machine: string): void {
  const record = after.units.get(unit);
  const assignment = after.assignments.get(machine)?.get(unit);
  if (assignment === undefined) return;
  const copies = [...after.assignments.values()].flatMap((units) => units.get(unit) ?? []);
  if (copies.some(({ movesFrom }) => movesFrom === machine)) return;
  const asked =
    record?.file === assignment.file &&
    record.desired === assignment.desired &&
    record.launch === assignment.launch;
  if (!asked) world.fail("assignments are what was asked for", `${unit} on ${world.nameOf(machine)}`);
}

function unitsToldOf(entry: HistoryEntry): ReadonlySet<string> {
  const told = new Set<string>();
  for (const { key, value } of entry.changes) {
    if (parseKey(key)?.kind !== "event" || value === undefined) continue;
    const { unit } = clusterEventSchema.parse(JSON.parse(toText(value)));
    if (unit !== undefined) told.add(unit);
  }
  return told;
}
