/**
 * What each kind of dependency does, as systemd splits them up: a dependency is a set of atoms, and whoever acts on
 * dependencies asks for one atom. Every kind has an inverse, which the other unit has. Pure data.
 */

/** One facet of how units act on each other; named from the side of the unit that has it. */
export type Atom =
  /** A start of this unit starts the other, must succeed in being queued, and counts as required. */
  | "pull-in-start"
  /** A start of this unit starts the other, if that can be. */
  | "pull-in-start-ignored"
  /** A start of this unit needs the other to be active already. */
  | "pull-in-verify"
  /** A start of this unit stops the other. */
  | "pull-in-stop"
  | "pull-in-stop-ignored"
  /** A stop, or a restart, of this unit is one of the other as well. */
  | "propagate-stop"
  | "propagate-restart"
  | "propagates-reload-to"
  /** A failed start, or stop, of this unit fails the other's start. */
  | "propagate-start-failure"
  | "propagate-stop-failure"
  /** Even a start that went well, but left this unit inactive, fails the other's start. */
  | "propagate-inactive-start-as-failure"
  /** When this unit goes up, or down, without a job, so shall the other. */
  | "retroactive-start-replace"
  | "retroactive-start-fail"
  | "retroactive-stop-on-start"
  | "retroactive-stop-on-stop"
  /** This unit is stopped when the other is found to be down; and the other way round. */
  | "cannot-be-active-without"
  | "stops-bound"
  /** This unit keeps the other up; and the other way round. */
  | "start-steadily"
  | "upholds"
  /** This unit is put in the other's namespaces, of which no job comes; and the other way round. */
  | "joins-namespace"
  | "namespace-joined-by"
  /** StopWhenUnneeded=: the other is needed while this unit is up; and the other way round. */
  | "needs"
  | "pins"
  /** A target comes after the other unit, unless it says otherwise. */
  | "default-target-order"
  | "before"
  | "after"
  | "on-failure"
  | "on-success"
  | "triggers"
  | "triggered-by";

const PROPAGATED = ["propagate-stop", "propagate-restart"] as const;
const NEEDED_BY = [...PROPAGATED, "propagate-start-failure", "pins"] as const;
const NEEDS = ["needs", "default-target-order"] as const;

const REQUIRES = ["pull-in-start", "retroactive-start-replace", ...NEEDS] as const;
const WANTS = ["pull-in-start-ignored", "retroactive-start-fail", ...NEEDS] as const;

/** Atoms of each kind of dependency, and of its inverse. */
export const ATOMS = {
  requires: { own: REQUIRES, inverse: NEEDED_BY },
  requiredBy: { own: NEEDED_BY, inverse: REQUIRES },
  requisite: {
    own: ["pull-in-verify", ...NEEDS],
    inverse: [...NEEDED_BY, "propagate-inactive-start-as-failure"],
  },
  wants: { own: WANTS, inverse: ["pins"] },
  wantedBy: { own: ["pins"], inverse: WANTS },
  bindsTo: {
    own: ["pull-in-start", "retroactive-start-replace", "cannot-be-active-without", ...NEEDS],
    inverse: [...NEEDED_BY, "retroactive-stop-on-stop", "stops-bound"],
  },
  partOf: { own: ["default-target-order"], inverse: PROPAGATED },
  upholds: {
    own: ["pull-in-start-ignored", "retroactive-start-replace", "upholds", ...NEEDS],
    inverse: ["start-steadily", "pins"],
  },
  conflicts: {
    own: ["pull-in-stop", "retroactive-stop-on-start"],
    inverse: ["pull-in-stop-ignored", "retroactive-stop-on-start", "propagate-stop-failure"],
  },
  before: { own: ["before"], inverse: ["after"] },
  after: { own: ["after"], inverse: ["before"] },
  onFailure: { own: ["on-failure"], inverse: [] },
  onSuccess: { own: ["on-success"], inverse: [] },
  propagatesStopTo: { own: ["propagate-stop", "retroactive-stop-on-stop"], inverse: [] },
  stopPropagatedFrom: { own: [], inverse: ["propagate-stop", "retroactive-stop-on-stop"] },
  propagatesReloadTo: { own: ["propagates-reload-to"], inverse: [] },
  reloadPropagatedFrom: { own: [], inverse: ["propagates-reload-to"] },
  joinsNamespaceOf: { own: ["joins-namespace"], inverse: ["namespace-joined-by"] },
  triggers: { own: ["triggers"], inverse: ["triggered-by"] },
  triggeredBy: { own: ["triggered-by"], inverse: ["triggers"] },
} as const satisfies Readonly<
  Record<string, { readonly own: readonly Atom[]; readonly inverse: readonly Atom[] }>
>;

export type Relation = keyof typeof ATOMS;

/** The other units that a unit names, by kind of dependency. */
export type Relations = Readonly<Record<Relation, readonly string[]>>;
