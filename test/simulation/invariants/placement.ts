/**
 * Nothing is placed where it may not be: a checker of its own, as plain as possible, that shares nothing with the
 * planner. What only the store's newest revision says (metadata, cordons) may be unknown to an engine that lags; there
 * everything counts that was true within the last moments.
 */
import { matchesGlob } from "node:path";
import { type ClusterView, effectiveMetadata } from "#model/cluster-state.ts";
import { parseKey } from "#model/keys.ts";
import { specOf, type UnitSpec } from "../workload.ts";
import type { Watcher, World } from "../world.ts";

const LAG_MS = 10_000;

/** What the operator says of a machine, until when it was true. */
interface Said {
  readonly metadata: Readonly<Record<string, string>>;
  readonly cordoned: boolean;
  readonly drained: boolean;
  untilMs: number;
}

export function watchPlacement(world: World): Watcher {
  const said = new Map<string, Said[]>();
  const placed = new Set<string>();
  return {
    onRevision({ changes }, after) {
      for (const { key, value } of changes) {
        const parsed = parseKey(key);
        if (parsed === undefined) continue;
        const { kind, first, second } = parsed;
        if (kind === "machine" || kind === "machine-config") hear(world, said, after, first);
        if (kind !== "assignment") continue;
        const isNew = value !== undefined && !placed.has(key);
        if (value === undefined) placed.delete(key);
        else placed.add(key);
        if (isNew) check(world, after, said.get(first) ?? [], second, first);
      }
    },
  };
}

function hear(world: World, said: Map<string, Said[]>, view: ClusterView, machine: string): void {
  const record = view.machines.get(machine);
  if (record === undefined) return;
  const config = view.machineConfigs.get(machine);
  const known = said.get(machine) ?? [];
  const last = known.at(-1);
  if (last !== undefined) last.untilMs = world.nowMs;
  known.push({
    metadata: effectiveMetadata(record, config),
    cordoned: config?.cordoned ?? false,
    drained: config?.drain !== undefined,
    untilMs: Number.POSITIVE_INFINITY,
  });
  said.set(machine, known);
}

function check(world: World, view: ClusterView, said: readonly Said[], unit: string, machine: string): void {
  const spec = specOf(unit);
  if (spec === undefined) return;
  const recent = said.filter(({ untilMs }) => untilMs > world.nowMs - LAG_MS);
  const reasons = recent.map((one) => refusal(view, one, spec, machine));
  if (reasons.some((reason) => reason === undefined)) return;
  world.fail(
    "nothing is placed where it may not be",
    `${unit} on ${world.nameOf(machine)}: ${reasons.at(-1)}`,
  );
}

/** Why the machine cannot take the unit as things stand; undefined when it can. */
export function refusalNow(view: ClusterView, unit: string, machine: string): string | undefined {
  const spec = specOf(unit);
  const record = view.machines.get(machine);
  if (spec === undefined || record === undefined) return "unknown";
  const config = view.machineConfigs.get(machine);
  const metadata = effectiveMetadata(record, config);
  const cordoned = config?.cordoned ?? false;
  return refusal(view, { metadata, cordoned, drained: config?.drain !== undefined }, spec, machine);
}

function refusal(
  view: ClusterView,
  said: Pick<Said, "metadata" | "cordoned" | "drained">,
  spec: UnitSpec,
  machine: string,
): string | undefined {
  if (said.cordoned) return "the machine is cordoned";
  if (said.drained) return "the machine is drained";
  const [key = "", value] = spec.metadata?.split("=") ?? [];
  if (spec.metadata !== undefined && said.metadata[key] !== value)
    return `the machine has no ${spec.metadata}`;
  const others = [...(view.assignments.get(machine)?.keys() ?? [])].filter((other) => other !== spec.name);
  if (spec.machineOf !== undefined && !others.includes(spec.machineOf))
    return `${spec.machineOf} is not there`;
  const enemy = others.find((other) => areEnemies(spec, specOf(other)));
  if (enemy !== undefined) return `it conflicts with ${enemy}`;
  return crowdRefusal(view, spec, others, machine);
}

function areEnemies(one: UnitSpec, other: UnitSpec | undefined): boolean {
  if (other === undefined) return false;
  const hates = (from: UnitSpec, to: UnitSpec): boolean =>
    from.conflicts !== undefined && matchesGlob(to.name, from.conflicts);
  return hates(one, other) || hates(other, one);
}

function crowdRefusal(
  view: ClusterView,
  spec: UnitSpec,
  others: readonly string[],
  machine: string,
): string | undefined {
  const family = `${spec.name.split("@")[0]}@`;
  const siblings = others.filter((other) => other.startsWith(family)).length;
  if (spec.maxPerMachine !== undefined && siblings >= spec.maxPerMachine)
    return `${siblings} of it are there`;
  if (spec.memoryBytes === undefined) return undefined;
  const taken = others.reduce((sum, other) => sum + (specOf(other)?.memoryBytes ?? 0), 0);
  const memory = view.machines.get(machine)?.capacity.memoryBytes ?? 0;
  return taken + spec.memoryBytes > memory ? "its memory is taken" : undefined;
}
