/**
 * Which machine? Holds every present machine with what is on it, and chooses machines for units one after the other.
 *
 * Invariants: the same machines, units and calls give the same choices in any order of insertion; a choice passes every
 * filter; of the machines that pass, none has a better score. It must not know of desired states, losses or time.
 */
import type { Refusal } from "#plan/cluster-plan.ts";
import type { Placement } from "#unit/placement.ts";
import { type Candidate, isOpenTo, refusalOf, replacedOn, type Surroundings } from "./filters.ts";
import { groupOf } from "./group.ts";
import { type MachineFacts, ScheduledMachine } from "./machine.ts";
import { compareScores, reasonFor, type ScoreParts, scoreOf } from "./score.ts";
import { SpreadCounts } from "./spread.ts";

/** A unit that has to leave for another that replaces it. */
export interface Displaced {
  readonly unit: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

export type Choice =
  | {
      readonly kind: "chosen";
      readonly machine: string;
      readonly reason: string;
      readonly displaced: readonly Displaced[];
    }
  | { readonly kind: "refused"; readonly refusals: readonly Refusal[] };

export class Scheduler implements Surroundings {
  /** In order of machine ID. */
  readonly machines: readonly ScheduledMachine[];
  readonly #byId: ReadonlyMap<string, ScheduledMachine>;
  readonly #places = new Map<string, Set<ScheduledMachine>>();
  readonly #away = new Map<string, string>();
  readonly #spreads = new Map<string, Map<string, SpreadCounts>>();

  constructor(machines: Iterable<MachineFacts>) {
    this.machines = [...machines]
      .sort((left, right) => (left.id < right.id ? -1 : 1))
      .map((facts, index) => new ScheduledMachine(facts, index));
    this.#byId = new Map(this.machines.map((machine) => [machine.facts.id, machine]));
  }

  machine(id: string): ScheduledMachine | undefined {
    return this.#byId.get(id);
  }

  /** The machines a unit is on, in no order; more than one only for global units. */
  placesOf(unit: string): ReadonlySet<ScheduledMachine> {
    return this.#places.get(unit) ?? new Set();
  }

  whereIs(unit: string): string {
    const names = [...this.placesOf(unit)].map((machine) => machine.facts.name).sort();
    if (names.length > 0) return `on ${names.join(", ")}`;
    return this.#away.get(unit) ?? "on no machine";
  }

  /** Notes that a unit is on a machine that is not here, for {@link whereIs}. */
  noteAway(unit: string, where: string): void {
    this.#away.set(unit, where);
  }

  add(unit: string, placement: Placement, machine: ScheduledMachine): void {
    machine.add(unit, placement);
    const places = this.#places.get(unit);
    if (places === undefined) this.#places.set(unit, new Set([machine]));
    else places.add(machine);
    this.#count(unit, machine, 1);
  }

  remove(unit: string, machine: ScheduledMachine): void {
    if (machine.remove(unit) === undefined) return;
    const places = this.#places.get(unit);
    places?.delete(machine);
    if (places?.size === 0) this.#places.delete(unit);
    this.#count(unit, machine, -1);
  }

  /** Why the unit cannot be on the machine; `placed` as for {@link refusalOf}. What it would replace is not asked. */
  refusal(machine: ScheduledMachine, candidate: Candidate, placed = false): Refusal | undefined {
    return refusalOf(machine, candidate, this, placed);
  }

  score(machine: ScheduledMachine, candidate: Candidate): ScoreParts {
    return scoreOf(machine, candidate, this.#spreadFor(candidate));
  }

  /** Chooses a machine for a unit that is on none and puts it there, together with whatever it replaces elsewhere. */
  place(candidate: Candidate): Choice {
    const refusals: Refusal[] = [];
    for (const machine of this.#ranked(candidate, refusals)) {
      const reason = this.#reason(machine, candidate);
      const taken = this.#take(machine, candidate);
      if (taken.kind === "taken")
        return { kind: "chosen", machine: machine.facts.id, reason, displaced: taken.displaced };
      refusals.push(taken.refusal);
    }
    return {
      kind: "refused",
      refusals: refusals.sort((left, right) => (left.machine < right.machine ? -1 : 1)),
    };
  }

  /** Machines that pass, best first; the others' refusals are added to `refusals`. */
  #ranked(candidate: Candidate, refusals: Refusal[]): readonly ScheduledMachine[] {
    const fitting: { machine: ScheduledMachine; score: ScoreParts }[] = [];
    for (const machine of this.machines) {
      const refusal = this.refusal(machine, candidate);
      if (refusal === undefined) fitting.push({ machine, score: this.score(machine, candidate) });
      else refusals.push(refusal);
    }
    return fitting
      .sort(
        (left, right) => compareScores(left.score, right.score) || left.machine.index - right.machine.index,
      )
      .map(({ machine }) => machine);
  }

  #reason(machine: ScheduledMachine, candidate: Candidate): string {
    const matching = this.machines.filter((other) => isOpenTo(other, candidate.placement.metadata)).length;
    return reasonFor(machine, candidate, this.score(machine, candidate), matching);
  }

  /** Puts the unit on the machine and what it replaces there on others; nothing changes where one of those fits nowhere. */
  #take(
    machine: ScheduledMachine,
    candidate: Candidate,
  ): { kind: "taken"; displaced: readonly Displaced[] } | { kind: "refused"; refusal: Refusal } {
    const victims = replacedOn(machine, candidate);
    const displaced: Displaced[] = [];
    this.add(candidate.unit, candidate.placement, machine);
    for (const unit of victims) {
      const moved = this.displace(unit, machine, candidate.unit);
      if (moved === undefined) {
        this.#undo(displaced);
        this.remove(candidate.unit, machine);
        const text = `has ${unit}, which the unit replaces but which fits on no other machine`;
        return { kind: "refused", refusal: { machine: machine.facts.id, code: "conflicts", text } };
      }
      displaced.push(moved);
    }
    return { kind: "taken", displaced };
  }

  /** Moves a unit away from a machine for the sake of `by`; undefined, and no change, when it fits nowhere else. */
  displace(unit: string, from: ScheduledMachine, by: string): Displaced | undefined {
    const placement = from.units.get(unit);
    if (placement === undefined) return undefined;
    const candidate = { unit, placement };
    this.remove(unit, from);
    // A unit that is moved out of the way moves nobody else, so that one placement stays one small change.
    const to = this.#ranked(candidate, []).find(
      (machine) => machine !== from && replacedOn(machine, candidate).length === 0,
    );
    if (to === undefined || placement.global) {
      this.add(unit, placement, from);
      return undefined;
    }
    const reason = `replaced by ${by} on ${from.facts.name}: ${this.#reason(to, candidate)}`;
    this.add(unit, placement, to);
    return { unit, from: from.facts.id, to: to.facts.id, reason };
  }

  #undo(displaced: readonly Displaced[]): void {
    for (const { unit, from, to } of displaced) {
      const source = this.machine(from);
      const target = this.machine(to);
      const placement = target?.units.get(unit);
      if (source === undefined || target === undefined || placement === undefined) continue;
      this.remove(unit, target);
      this.add(unit, placement, source);
    }
  }

  /** The counts that Spread= of the unit is judged by; undefined where it has none to judge. */
  #spreadFor({ unit, placement }: Candidate): SpreadCounts | undefined {
    const group = groupOf(unit);
    if (group === undefined || placement.spread.length === 0) return undefined;
    const spreads = this.#spreads.get(group) ?? new Map<string, SpreadCounts>();
    this.#spreads.set(group, spreads);
    const signature = placement.spread.join("\0");
    const known = spreads.get(signature);
    if (known !== undefined) return known;
    const counts = new SpreadCounts(placement.spread);
    for (const machine of this.machines) {
      const instances = machine.countOf(group);
      if (instances > 0) counts.count(machine, instances);
    }
    spreads.set(signature, counts);
    return counts;
  }

  #count(unit: string, machine: ScheduledMachine, change: 1 | -1): void {
    const group = groupOf(unit);
    const spreads = group === undefined ? undefined : this.#spreads.get(group);
    if (spreads !== undefined) for (const counts of spreads.values()) counts.count(machine, change);
  }
}
