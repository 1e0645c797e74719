/**
 * How many moves may be under way: so many from one machine, fewer where a unit is down meanwhile, and of the instances of
 * one template so many as MaxUnavailable= lets be on their way or down. What has begun counts first, so that limits hold from plan to plan.
 */
import { nameOfMachine } from "#model/cluster-state.ts";
import type { PendingMove } from "#plan/cluster-plan.ts";
import { groupOf } from "#plan/schedule/group.ts";
import type { Allowance, Placement } from "#unit/placement.ts";
import type { Draft } from "./draft.ts";
import { missingPeer } from "./peers.ts";
import { type Home, isUnsaid, type Standing } from "./standing.ts";

interface Group {
  readonly size: number;
  /** Those that are on their way or have no running copy. */
  readonly unavailable: Set<string>;
  /** How many of them stay without one, as things are. */
  readonly down: number;
}

export type Pause = Pick<PendingMove, "phase" | "reason" | "stuck">;

export class Disruptions {
  readonly #draft: Draft;
  /** By machine that they leave. */
  readonly #underWay = new Map<string, number>();
  /** Those among them that may not overlap. */
  readonly #stopped = new Map<string, number>();
  /** Units that may not overlap and that their machine has yet to tell of: they may be down for as long. */
  readonly #landing: number;
  readonly #groups = new Map<string, Group>();

  /** @param moving units that are to move, those that have a new copy among them */
  constructor(
    draft: Draft,
    moving: readonly { readonly standing: Standing; readonly from: Home; readonly copy: Home | undefined }[],
  ) {
    this.#draft = draft;
    for (const { standing, from, copy } of moving) if (copy !== undefined) this.#note(standing, from.machine);
    this.#countStopping(new Set(moving.map(({ from }) => from.machine)));
    const leaving = new Set(moving.map(({ standing }) => standing.unit));
    this.#landing = [...draft.standings.values()].filter(
      (standing) => !leaving.has(standing.unit) && isLanding(draft, standing),
    ).length;
  }

  /** Why the unit's move cannot begin now; undefined: it begins, and counts from now on. */
  pauseFor(standing: Standing, from: Home): Pause | undefined {
    const reason =
      this.#jobUnderWay(standing, from) ??
      this.#tooManyHere(standing, from) ??
      this.#tooMany(standing) ??
      this.#peerMissing(standing) ??
      this.#leftOver(standing);
    if (reason === undefined) this.#note(standing, from.machine);
    return typeof reason === "string" ? { phase: "waiting", reason } : reason;
  }

  #note(standing: Standing, from: string): void {
    this.#count(standing, from);
    this.#group(standing).unavailable.add(standing.unit);
  }

  /** @param standing undefined for a unit that nobody asks for any more */
  #count(standing: Standing | undefined, from: string): void {
    addOne(this.#underWay, from);
    if (standing?.placement?.overlap === false) addOne(this.#stopped, from);
  }

  /** Units that were taken away and have not stopped yet are on their way, too. */
  #countStopping(machines: ReadonlySet<string>): void {
    const { view, standings } = this.#draft;
    for (const machine of machines) {
      const assigned = view.assignments.get(machine);
      for (const unit of view.states.get(machine)?.keys() ?? [])
        if (assigned?.has(unit) !== true) this.#count(standings.get(unit), machine);
    }
  }

  /** What is stopped in the middle is begun anew elsewhere: a job is let come to its end. */
  #jobUnderWay({ unit, placement }: Standing, { machine }: Home): string | undefined {
    const { view } = this.#draft;
    if (placement?.overlap !== false || view.states.get(machine)?.get(unit)?.active !== "activating")
      return undefined;
    return `it is still starting, or has a job under way, on ${nameOfMachine(view, machine)}`;
  }

  #tooManyHere({ placement }: Standing, { machine }: Home): string | undefined {
    const { view, context } = this.#draft;
    const { movesAtOnce, stopsAtOnce } = context.settings;
    const name = nameOfMachine(view, machine);
    if (placement?.overlap === false && this.#down(machine) >= stopsAtOnce)
      return `${stopsAtOnce} units that are stopped before they are started elsewhere are on their way from ${name} already`;
    if ((this.#underWay.get(machine) ?? 0) < movesAtOnce) return undefined;
    return `${movesAtOnce} units are on their way from ${name} already`;
  }

  /** What is stopped first is down until its new machine has started it: those that wait for that there count, too. */
  #down(machine: string): number {
    return (this.#stopped.get(machine) ?? 0) + this.#landing;
  }

  #tooMany(standing: Standing): Pause | undefined {
    const allowance = allowanceOf(standing.placement);
    if (allowance === undefined) return undefined;
    const { size, unavailable, down } = this.#group(standing);
    const others = unavailable.has(standing.unit) ? unavailable.size - 1 : unavailable.size;
    const limit = "units" in allowance ? allowance.units : Math.ceil(allowance.share * size);
    if (others < limit) return undefined;
    const reason = `${others} of ${size} ${groupOf(standing.unit) ?? standing.unit} are on their way or not active (MaxUnavailable)`;
    return { phase: "waiting", reason, ...(down < limit ? {} : { stuck: true }) };
  }

  /** What an earlier copy leaves behind would be taken for the new one: that it is active, or has failed. */
  #leftOver({ unit }: Standing): string | undefined {
    const { view, scheduler } = this.#draft;
    const [target] = scheduler.placesOf(unit);
    if (target === undefined || view.states.get(target.facts.id)?.has(unit) !== true) return undefined;
    return `an earlier copy of it is not gone from ${target.facts.name} yet`;
  }

  /** A follower (MachineOf=) begins where its peer has begun. */
  #peerMissing(standing: Standing): string | undefined {
    const [target] = this.#draft.scheduler.placesOf(standing.unit);
    const missing = missingPeer(this.#draft, standing, target?.facts.id ?? "");
    return missing === undefined ? undefined : `${missing}, which it has to be with (MachineOf), comes first`;
  }

  #group({ unit }: Standing): Group {
    const name = groupOf(unit) ?? unit;
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const members = [...this.#draft.standings.values()].filter(
      (other) => (groupOf(other.unit) ?? other.unit) === name && isToRun(other),
    );
    const idle = members.filter((member) => !this.#isServing(member));
    const down = idle.filter((member) => this.#staysDown(member)).length;
    const group = { size: members.length, unavailable: new Set(idle.map((member) => member.unit)), down };
    this.#groups.set(name, group);
    return group;
  }

  /** It fits nowhere, or has failed for good. */
  #staysDown({ unit, homes, placement }: Standing): boolean {
    const { view, unplaced } = this.#draft;
    const why = unplaced.get(unit)?.refusals;
    if (why !== undefined && !why.some(({ code }) => code === "strict-wait")) return true;
    if (placement === undefined || placement.failureMoves > 0) return false;
    return homes.some(({ machine }) => view.states.get(machine)?.get(unit)?.active === "failed");
  }

  #isServing({ unit, homes }: Standing): boolean {
    return homes.some(({ machine }) => {
      const active = this.#draft.view.states.get(machine)?.get(unit)?.active;
      return active === "active" || active === "reloading" || active === "refreshing";
    });
  }
}

function addOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** It is nowhere and comes to a machine with this plan, or has yet to be told of by the one it has come to. */
function isLanding({ view, scheduler }: Draft, standing: Standing): boolean {
  const { unit, placement, homes } = standing;
  if (placement?.overlap !== false) return false;
  if (homes.length === 0) return scheduler.placesOf(unit).size > 0;
  return homes.some((home) => home.present && isUnsaid(view, standing, home));
}

function isToRun({ record, finished }: Standing): boolean {
  return record.desired === "launched" && !finished;
}

/** Units that are stopped before they are started elsewhere go one by one, unless they say otherwise. */
function allowanceOf(placement: Placement | undefined): Allowance | undefined {
  return placement?.maxUnavailable ?? (placement?.overlap === false ? { units: 1 } : undefined);
}
