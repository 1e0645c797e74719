/**
 * The rankings in use: one for each kind of unit, where units that ask for the same metadata, preferences and spread
 * are of one kind, however many templates they come from. Made when first asked for and kept up to date from then on.
 */
import type { Placement } from "#unit/placement.ts";
import { type Candidate, isOpenTo } from "./filters.ts";
import { type Groups, groupOf } from "./group.ts";
import type { ScheduledMachine } from "./machine.ts";
import { Ranking } from "./ranking.ts";
import { preferenceOf } from "./score.ts";
import { SpreadCounts, SpreadLayout } from "./spread.ts";

/** Each ranking costs some 200 bytes a machine and a little time for every unit that leaves one. */
const MAX_RANKINGS = 64;

export class Rankings {
  readonly #machines: readonly ScheduledMachine[];
  readonly #groups: Groups;
  /** The one that was asked for longest ago comes first. */
  readonly #rankings = new Map<string, Ranking>();
  readonly #layouts = new Map<string, SpreadLayout>();
  /** By template, then by layout. */
  readonly #counts = new Map<string, Map<SpreadLayout, SpreadCounts>>();

  constructor(machines: readonly ScheduledMachine[], groups: Groups) {
    this.#machines = machines;
    this.#groups = groups;
  }

  /** Notes that a unit of the template (if it is an instance) has come to the machine or has left it. */
  count(group: string | undefined, machine: ScheduledMachine, change: 1 | -1): void {
    const perLayout = group === undefined ? undefined : this.#counts.get(group);
    if (perLayout !== undefined) for (const counts of perLayout.values()) counts.count(machine, change);
    if (change < 0) for (const ranking of this.#rankings.values()) ranking.improve(machine);
  }

  /** The machines that the unit's metadata leaves open, cordoned ones left out, in order of score. */
  for({ placement }: Candidate): Ranking {
    const kind = JSON.stringify([placement.metadata, placement.prefer, placement.spread]);
    const ranking = this.#rankings.get(kind) ?? this.#newRanking(placement);
    this.#rankings.delete(kind);
    this.#rankings.set(kind, ranking);
    const [oldest] = this.#rankings.keys();
    if (this.#rankings.size > MAX_RANKINGS && oldest !== undefined) this.#rankings.delete(oldest);
    return ranking;
  }

  /** The counts that the unit's Spread= is judged by; undefined where it has none, or is no instance. */
  countsFor({ unit, placement }: Candidate): SpreadCounts | undefined {
    const group = groupOf(unit);
    const layout = this.#layoutFor(placement);
    if (group === undefined || layout === undefined) return undefined;
    const perLayout = this.#counts.get(group) ?? new Map<SpreadLayout, SpreadCounts>();
    this.#counts.set(group, perLayout);
    const counts = perLayout.get(layout) ?? this.#newCounts(group, layout);
    perLayout.set(layout, counts);
    return counts;
  }

  #newRanking(placement: Placement): Ranking {
    const open = this.#machines.filter((machine) => isOpenTo(machine, placement.metadata));
    const preference = (machine: ScheduledMachine): number => preferenceOf(machine, placement.prefer);
    return new Ranking(open, preference, this.#layoutFor(placement));
  }

  #newCounts(group: string, layout: SpreadLayout): SpreadCounts {
    const counts = new SpreadCounts(layout);
    for (const [machine, instances] of this.#groups.machinesOf(group)) counts.count(machine, instances);
    return counts;
  }

  #layoutFor({ spread }: Placement): SpreadLayout | undefined {
    if (spread.length === 0) return undefined;
    const name = spread.join("\0");
    const layout = this.#layouts.get(name) ?? new SpreadLayout(spread, this.#machines);
    this.#layouts.set(name, layout);
    return layout;
  }
}
