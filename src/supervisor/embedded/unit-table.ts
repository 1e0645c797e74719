/** The loaded units of a machine by name, their aliases, and how they depend on each other. */
import { slicePath } from "#unit/slice.ts";
import type { LoadState } from "../supervisor.ts";
import type { Atom } from "./jobs/atoms.ts";
import { DependencyGraph, type GraphUnit } from "./jobs/graph.ts";
import { relationsOf } from "./jobs/relations.ts";
import type { UnitView } from "./jobs/view.ts";
import { standardTarget } from "./standard-targets.ts";
import type { LoadedUnit, Unit, UnitDefinition } from "./unit.ts";

export class UnitTable {
  readonly #units = new Map<string, Unit>();
  /** Made when it is first asked for after a change of the units. */
  #graph: DependencyGraph | undefined;
  #aliases: ReadonlyMap<string, string> | undefined;

  get(name: string): Unit | undefined {
    return this.#units.get(name);
  }

  has(name: string): boolean {
    return this.#units.has(name);
  }

  names(): Iterable<string> {
    return this.#units.keys();
  }

  values(): Iterable<Unit> {
    return this.#units.values();
  }

  set(name: string, unit: Unit): void {
    this.#units.set(name, unit);
    this.reread();
  }

  delete(name: string): void {
    this.#units.delete(name);
    this.reread();
  }

  /** A unit has been given another file. */
  reread(): void {
    this.#graph = undefined;
    this.#aliases = undefined;
  }

  /** The unit that a name stands for: Alias= of a loaded unit counts, since being loaded is being enabled here. */
  resolve(name: string): string {
    if (this.#units.has(name)) return name;
    this.#aliases ??= new Map(
      [...this.#units].flatMap(([unit, { loaded }]) =>
        loaded.dependencies.install.aliases.map((alias) => [alias, unit] as const),
      ),
    );
    return this.#aliases.get(name) ?? name;
  }

  related(unit: string, atom: Atom): readonly string[] {
    this.#graph ??= new DependencyGraph(
      new Map([...this.#units].map(([name, { loaded }]) => [name, graphUnit(loaded)])),
      (name) => this.resolve(name),
    );
    return this.#graph.related(unit, atom);
  }

  /** What jobs may know of a unit; a standard target is a unit as well. */
  view(name: string): UnitView | undefined {
    const unit = this.#units.get(name);
    if (unit === undefined) return viewOfTarget(name);
    const { dependencies, definition } = unit.loaded;
    return {
      load: loadStateOf(definition),
      problem: definition.kind === "bad-setting" ? definition.message : undefined,
      active: unit.active,
      canReload: unit.canReload,
      isPerpetual: false,
      allowIsolate: dependencies.allowIsolate,
      ignoreOnIsolate: dependencies.ignoreOnIsolate,
    };
  }
}

function viewOfTarget(name: string): UnitView | undefined {
  const active = standardTarget(name);
  if (active === undefined) return undefined;
  return {
    load: "loaded",
    active,
    canReload: false,
    isPerpetual: active === "active",
    allowIsolate: false,
    ignoreOnIsolate: true,
  };
}

export function loadStateOf({ kind }: UnitDefinition): LoadState {
  return kind === "bad-setting" || kind === "masked" ? kind : "loaded";
}

function graphUnit(loaded: LoadedUnit): GraphUnit {
  return {
    relations: relationsOf(loaded),
    defaultDependencies:
      loaded.dependencies.defaultDependencies && loadStateOf(loaded.definition) === "loaded",
    slices: slicesOf(loaded),
  };
}

function slicesOf({ source, definition }: LoadedUnit): readonly string[] {
  if (definition.kind === "slice") return slicePath(source.name).slice(0, -1);
  const hasProcesses = definition.kind === "service" || definition.kind === "socket";
  return hasProcesses ? slicePath(definition.settings.slice) : [];
}
