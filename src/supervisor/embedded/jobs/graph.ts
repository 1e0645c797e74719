/** The dependencies of all units of a machine, by atom and from both sides. A value: made anew when units change. */
import { ATOMS, type Atom, type Relation, type Relations } from "./atoms.ts";

/** What a unit's file says of others, and whether they are added to by default. */
export interface GraphUnit {
  readonly relations: Relations;
  readonly defaultDependencies: boolean;
  /** The slices that it is in, the outermost first. */
  readonly slices: readonly string[];
}

const NONE: readonly string[] = [];
// The keys of a literal are exactly those of its type.
const RELATIONS = Object.keys(ATOMS) as readonly Relation[];

export class DependencyGraph {
  readonly #units: ReadonlyMap<string, GraphUnit>;
  readonly #edges = new Map<string, Map<Atom, string[]>>();

  /** `resolve` gives the unit that a name stands for: itself, unless the name is another unit's alias. */
  constructor(units: ReadonlyMap<string, GraphUnit>, resolve: (name: string) => string = (name) => name) {
    this.#units = units;
    for (const [name, { relations }] of units) {
      for (const relation of RELATIONS) {
        for (const other of relations[relation]) this.#relate(name, relation, resolve(other));
      }
    }
    for (const [name, { slices }] of units) this.#putInto(name, slices);
    for (const name of units.keys()) if (name.endsWith(".target")) this.#orderTarget(name);
  }

  /** The units to which this one has the atom, in the order of its file; known units and others. */
  related(unit: string, atom: Atom): readonly string[] {
    return this.#edges.get(unit)?.get(atom) ?? NONE;
  }

  /** No unit depends on itself: such a line is ignored. */
  #relate(unit: string, relation: Relation, other: string): void {
    if (unit === other) return;
    const { own, inverse } = ATOMS[relation];
    for (const atom of own) this.#add(unit, atom, other);
    for (const atom of inverse) this.#add(other, atom, unit);
  }

  /** The slice that there is a file for and that is next to the unit goes up before it and takes it down. */
  #putInto(unit: string, slices: readonly string[]): void {
    const slice = slices.findLast((name) => this.#units.has(name));
    if (slice === undefined) return;
    this.#relate(unit, "requires", slice);
    this.#relate(unit, "after", slice);
  }

  #add(unit: string, atom: Atom, other: string): void {
    const atoms = this.#edges.get(unit) ?? new Map<Atom, string[]>();
    const known = atoms.get(atom) ?? [];
    if (!known.includes(other)) known.push(other);
    atoms.set(atom, known);
    this.#edges.set(unit, atoms);
  }

  /** A target comes after what it pulls in, unless either side wants no such order (systemd.target(5)). */
  #orderTarget(target: string): void {
    if (this.#units.get(target)?.defaultDependencies !== true) return;
    for (const other of this.related(target, "default-target-order")) {
      const hasDefaults = this.#units.get(other)?.defaultDependencies === true;
      if (hasDefaults && !this.related(target, "before").includes(other))
        this.#relate(target, "after", other);
    }
  }
}
