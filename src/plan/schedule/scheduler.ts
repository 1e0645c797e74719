/**
 * Which machine? Holds every present machine with what is on it, and chooses machines for units one after the other.
 *
 * Invariants: the same machines, units and calls give the same choices, whatever order the machines were given in; a
 * choice passes every filter; of the machines that pass, none has a better score. It must not know of desired states,
 * losses or time.
 */
import type { Refusal } from "#plan/cluster-plan.ts";
import type { Placement } from "#unit/placement.ts";
import { type Candidate, refusalOf, replacedOn, type Surroundings } from "./filters.ts";
import { Groups, groupOf } from "./group.ts";
import { type MachineFacts, ScheduledMachine } from "./machine.ts";
import type { Ranking } from "./ranking.ts";
import { Rankings } from "./rankings.ts";
import { compareScores, reasonFor, type ScoreParts, scoreOf } from "./score.ts";

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
  /** One refusal for each machine, in order of machine ID. */
  | { readonly kind: "refused"; readonly refusals: readonly Refusal[] };

type Taken =
  | { readonly kind: "taken"; readonly displaced: readonly Displaced[] }
  | { readonly kind: "blocked"; readonly refusal: Refusal };

export class Scheduler implements Surroundings {
  /** In order of machine ID. */
  readonly machines: readonly ScheduledMachine[];
  readonly #byId = new Map<string, ScheduledMachine>();
  readonly #places = new Map<string, Set<ScheduledMachine>>();
  readonly #away = new Map<string, string>();
  readonly #groups = new Groups();
  readonly #rankings: Rankings;

  constructor(machines: Iterable<MachineFacts>) {
    this.machines = [...machines]
      .sort((left, right) => (left.id < right.id ? -1 : 1))
      .map((facts, index) => new ScheduledMachine(facts, index));
    for (const machine of this.machines) this.#byId.set(machine.facts.id, machine);
    this.#rankings = new Rankings(this.machines, this.#groups);
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

  instancesOn(group: string, machine: ScheduledMachine): number {
    return this.#groups.countOn(group, machine);
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

  /** To be called when every unit that runs has been added: what they use beyond what they count for is load too. */
  weighUsage(): void {
    for (const machine of this.machines) machine.weighUsage();
  }

  /** Why the unit cannot be on the machine; `placed` as for {@link refusalOf}. What it would replace is not asked. */
  refusal(machine: ScheduledMachine, candidate: Candidate, placed = false): Refusal | undefined {
    return refusalOf(machine, candidate, this, placed);
  }

  score(machine: ScheduledMachine, candidate: Candidate): ScoreParts {
    return scoreOf(machine, candidate, this.#rankings.countsFor(candidate));
  }

  /** Chooses a machine for a unit that is on none and puts it there, and whatever it replaces elsewhere. */
  place(candidate: Candidate): Choice {
    const blocked = new Map<ScheduledMachine, Refusal>();
    const ranking = this.#rankings.for(candidate);
    for (const machine of this.#inOrder(candidate, ranking)) {
      const reason = this.#reason(machine, candidate, ranking);
      const taken = this.#take(machine, candidate);
      if (taken.kind === "taken")
        return { kind: "chosen", machine: machine.facts.id, reason, displaced: taken.displaced };
      blocked.set(machine, taken.refusal);
    }
    const refusals = this.machines.flatMap(
      (machine) => blocked.get(machine) ?? this.refusal(machine, candidate) ?? [],
    );
    return { kind: "refused", refusals };
  }

  /** Why the unit cannot come to the machine, with all it would replace there; nothing is changed. */
  refusalToCome(machine: ScheduledMachine, candidate: Candidate): Refusal | undefined {
    const refusal = this.refusal(machine, candidate);
    if (refusal !== undefined || replacedOn(machine, candidate).length === 0) return refusal;
    const taken = this.#take(machine, candidate);
    if (taken.kind === "blocked") return taken.refusal;
    this.#undo(taken.displaced);
    this.remove(candidate.unit, machine);
    return undefined;
  }

  /** Moves a unit away from a machine for the sake of `by`; undefined, and no change, when it fits nowhere else. */
  displace(unit: string, from: ScheduledMachine, by: string): Displaced | undefined {
    const placement = from.units.get(unit);
    if (placement === undefined || placement.global) return undefined;
    const candidate = { unit, placement };
    this.remove(unit, from);
    // A unit that is moved out of the way moves nobody else, so that one placement stays one small change.
    const to = this.#fitting(this.machines, candidate).find(
      (machine) => machine !== from && replacedOn(machine, candidate).length === 0,
    );
    if (to === undefined) {
      this.add(unit, placement, from);
      return undefined;
    }
    const reason = `replaced by ${by} on ${from.facts.name}: ${this.#reason(to, candidate, this.#rankings.for(candidate))}`;
    this.add(unit, placement, to);
    return { unit, from: from.facts.id, to: to.facts.id, reason };
  }

  #count(unit: string, machine: ScheduledMachine, change: 1 | -1): void {
    const group = groupOf(unit);
    if (group !== undefined) this.#groups.count(group, machine, change);
    this.#rankings.count(group, machine, change);
  }

  /** Machines that pass, best first. Where one alone can be told to be the best, only that one. */
  #inOrder(candidate: Candidate, ranking: Ranking): readonly ScheduledMachine[] {
    const { machineId, machineOf, replaces } = candidate.placement;
    const [peer] = machineOf;
    if (peer !== undefined) return this.#fitting(this.placesOf(peer), candidate);
    if (machineId !== undefined || replaces.length > 0) return this.#fitting(this.machines, candidate);
    const accepts = (machine: ScheduledMachine): boolean => this.refusal(machine, candidate) === undefined;
    const best = ranking.find(this.#rankings.countsFor(candidate), accepts);
    return best === undefined ? [] : [best];
  }

  /** The slow way to the same order as the rankings', for the few units whose choice depends on other units' moves. */
  #fitting(pool: Iterable<ScheduledMachine>, candidate: Candidate): readonly ScheduledMachine[] {
    const fitting: { machine: ScheduledMachine; score: ScoreParts }[] = [];
    for (const machine of pool)
      if (this.refusal(machine, candidate) === undefined)
        fitting.push({ machine, score: this.score(machine, candidate) });
    return fitting
      .sort(
        (left, right) => compareScores(left.score, right.score) || left.machine.index - right.machine.index,
      )
      .map(({ machine }) => machine);
  }

  #reason(machine: ScheduledMachine, candidate: Candidate, ranking: Ranking): string {
    return reasonFor(machine, candidate, this.score(machine, candidate), ranking.size);
  }

  /** Puts the unit on the machine and what it replaces there on others; no change where one of those fits nowhere. */
  #take(machine: ScheduledMachine, candidate: Candidate): Taken {
    const displaced: Displaced[] = [];
    const replaced = replacedOn(machine, candidate);
    this.add(candidate.unit, candidate.placement, machine);
    for (const unit of replaced) {
      const moved = this.displace(unit, machine, candidate.unit);
      if (moved !== undefined) {
        displaced.push(moved);
        continue;
      }
      this.#undo(displaced);
      this.remove(candidate.unit, machine);
      const text = `has ${unit}, which the unit replaces but which fits on no other machine`;
      return { kind: "blocked", refusal: { machine: machine.facts.id, code: "conflicts", text } };
    }
    return { kind: "taken", displaced };
  }

  #undo(displaced: readonly Displaced[]): void {
    for (const { unit, from, to } of displaced) {
      const [source, target] = [this.machine(from), this.machine(to)];
      const placement = target?.units.get(unit);
      if (source === undefined || target === undefined || placement === undefined) continue;
      this.remove(unit, target);
      this.add(unit, placement, source);
    }
  }
}
