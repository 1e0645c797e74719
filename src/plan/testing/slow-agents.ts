/** Machines that carry out their assignments bit by bit and tell of it later: what plans are tried against. */
import type { Random } from "#base/random.ts";
import type { ClusterBuilder } from "./cluster-builder.ts";

type Phase = "inactive" | "activating" | "active" | "deactivating" | "failed";

/** How likely it is that a unit, or a machine's word about its units, comes a step further in one round. */
const STEP_SHARE = 0.6;

export class SlowAgents {
  readonly #made: ClusterBuilder;
  readonly #random: Random;
  /** By machine, then unit. */
  readonly #runs = new Map<string, Map<string, Phase>>();

  constructor(made: ClusterBuilder, random: Random) {
    this.#made = made;
    this.#random = random;
  }

  /** @param failShare how many of the new copies of moving units fail */
  round(failShare: number): void {
    for (const machine of this.#made.state.machines.keys()) {
      for (const unit of this.#concerned(machine))
        if (this.#happens()) this.#advance(machine, unit, failShare);
      if (this.#happens()) this.#tell(machine);
    }
  }

  /** Machines on which something of the unit runs, starts or stops. */
  runningOn(unit: string): readonly string[] {
    return [...this.#runs].filter(([, units]) => isUp(units.get(unit))).map(([machine]) => machine);
  }

  serves(unit: string): boolean {
    return [...this.#runs.values()].some((units) => units.get(unit) === "active");
  }

  #happens(): boolean {
    return this.#random.next() < STEP_SHARE;
  }

  #concerned(machine: string): ReadonlySet<string> {
    const assigned = this.#made.state.assignments.get(machine)?.keys() ?? [];
    return new Set([...assigned, ...(this.#runs.get(machine)?.keys() ?? [])]);
  }

  #advance(machine: string, unit: string, failShare: number): void {
    const units = this.#runs.get(machine) ?? new Map<string, Phase>();
    this.#runs.set(machine, units);
    const assignment = this.#made.state.assignments.get(machine)?.get(unit);
    const fails = assignment?.movesFrom !== undefined && this.#random.next() < failShare;
    const isAsked = assignment === undefined ? undefined : assignment.desired;
    const next = nextPhase(units.get(unit), isAsked, fails);
    if (next === undefined) units.delete(unit);
    else units.set(unit, next);
  }

  #tell(machine: string): void {
    const units = this.#runs.get(machine) ?? new Map<string, Phase>();
    const told = this.#made.state.states.get(machine);
    for (const unit of told?.keys() ?? []) if (!units.has(unit)) this.#made.forget(unit, machine.slice(0, 1));
    for (const [unit, phase] of units) this.#made.report(unit, machine.slice(0, 1), phase);
  }
}

function nextPhase(
  phase: Phase | undefined,
  asked: "loaded" | "launched" | undefined,
  fails: boolean,
): Phase | undefined {
  if (phase === "deactivating") return asked === undefined ? undefined : "inactive";
  if (asked === undefined) return isUp(phase) ? "deactivating" : undefined;
  if (asked === "loaded") return isUp(phase) ? "deactivating" : "inactive";
  if (phase === "activating") return fails ? "failed" : "active";
  return phase === undefined || phase === "inactive" ? "activating" : phase;
}

function isUp(phase: Phase | undefined): boolean {
  return phase === "activating" || phase === "active" || phase === "deactivating";
}
