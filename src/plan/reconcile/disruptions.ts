/**
 * How many moves may be under way: so many from one machine, and of the instances of one template so many as
 * MaxUnavailable= lets be on their way or down. What has begun counts first, so that limits hold from plan to plan.
 */
import { nameOfMachine } from "#model/cluster-state.ts";
import type { PendingMove } from "#plan/cluster-plan.ts";
import { groupOf } from "#plan/schedule/group.ts";
import type { Allowance, Placement } from "#unit/placement.ts";
import type { Draft } from "./draft.ts";
import type { Home, Standing } from "./standing.ts";

interface Group {
  readonly size: number;
  /** Those that are on their way or have no running copy. */
  readonly unavailable: Set<string>;
}

export class Disruptions {
  readonly #draft: Draft;
  readonly #underWay = new Map<string, number>();
  readonly #groups = new Map<string, Group>();
  /** `machine unit` of what is assigned, or comes to be by this plan. */
  readonly #begun = new Set<string>();

  /** @param moving units that are to move, those that have a new copy among them */
  constructor(
    draft: Draft,
    moving: readonly { readonly standing: Standing; readonly from: Home; readonly copy: Home | undefined }[],
  ) {
    this.#draft = draft;
    for (const { standing, from, copy } of moving) if (copy !== undefined) this.#note(standing, from.machine);
    this.#countStopping(new Set(moving.map(({ from }) => from.machine)));
  }

  /** Why the unit's move cannot begin now; undefined: it begins, and counts from now on. */
  pauseFor(standing: Standing, from: Home): Pick<PendingMove, "phase" | "reason"> | undefined {
    const reason =
      this.#jobUnderWay(standing, from) ?? this.#tooMany(standing, from) ?? this.#peerMissing(standing);
    if (reason !== undefined) return { phase: "waiting", reason };
    this.#note(standing, from.machine);
    return undefined;
  }

  #note(standing: Standing, from: string): void {
    const { unit } = standing;
    this.#underWay.set(from, (this.#underWay.get(from) ?? 0) + 1);
    this.#group(standing).unavailable.add(unit);
    for (const target of this.#draft.scheduler.placesOf(unit)) this.#begun.add(`${target.facts.id} ${unit}`);
  }

  /** Units that were taken away and have not stopped yet are on their way, too. */
  #countStopping(machines: ReadonlySet<string>): void {
    const { view } = this.#draft;
    for (const machine of machines) {
      const assigned = view.assignments.get(machine);
      const stopping = [...(view.states.get(machine)?.keys() ?? [])].filter(
        (unit) => assigned?.has(unit) !== true,
      );
      this.#underWay.set(machine, (this.#underWay.get(machine) ?? 0) + stopping.length);
    }
  }

  /** What is stopped in the middle is begun anew elsewhere: a job is let come to its end. */
  #jobUnderWay({ unit, placement }: Standing, { machine }: Home): string | undefined {
    const { view } = this.#draft;
    if (placement?.overlap !== false || view.states.get(machine)?.get(unit)?.active !== "activating")
      return undefined;
    return `it is still starting, or has a job under way, on ${nameOfMachine(view, machine)}`;
  }

  #tooMany(standing: Standing, { machine }: Home): string | undefined {
    const { view, context } = this.#draft;
    const { movesAtOnce } = context.settings;
    if ((this.#underWay.get(machine) ?? 0) >= movesAtOnce)
      return `${movesAtOnce} units are on their way from ${nameOfMachine(view, machine)} already`;
    const allowance = allowanceOf(standing.placement);
    if (allowance === undefined) return undefined;
    const { size, unavailable } = this.#group(standing);
    const others = unavailable.has(standing.unit) ? unavailable.size - 1 : unavailable.size;
    const limit = "units" in allowance ? allowance.units : Math.ceil(allowance.share * size);
    if (others < limit) return undefined;
    return `${others} of ${size} ${groupOf(standing.unit) ?? standing.unit} are on their way or not active (MaxUnavailable)`;
  }

  /** A follower (MachineOf=) begins where its peer has begun. */
  #peerMissing({ unit, placement }: Standing): string | undefined {
    const { view, scheduler } = this.#draft;
    const [target] = scheduler.placesOf(unit);
    const id = target?.facts.id ?? "";
    const missing = placement?.machineOf.find(
      (peer) => view.assignments.get(id)?.has(peer) !== true && !this.#begun.has(`${id} ${peer}`),
    );
    return missing === undefined ? undefined : `${missing}, which it has to be with (MachineOf), comes first`;
  }

  #group({ unit }: Standing): Group {
    const name = groupOf(unit) ?? unit;
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const members = [...this.#draft.standings.values()].filter(
      (other) => (groupOf(other.unit) ?? other.unit) === name && isToRun(other),
    );
    const down = members.filter((member) => !this.#isServing(member)).map((member) => member.unit);
    const group = { size: members.length, unavailable: new Set(down) };
    this.#groups.set(name, group);
    return group;
  }

  #isServing({ unit, homes }: Standing): boolean {
    return homes.some(({ machine }) => {
      const active = this.#draft.view.states.get(machine)?.get(unit)?.active;
      return active === "active" || active === "reloading" || active === "refreshing";
    });
  }
}

function isToRun({ record, finished }: Standing): boolean {
  return record.desired === "launched" && !finished;
}

/** Units that are stopped before they are started elsewhere go one by one, unless they say otherwise. */
function allowanceOf(placement: Placement | undefined): Allowance | undefined {
  return placement?.maxUnavailable ?? (placement?.overlap === false ? { units: 1 } : undefined);
}
