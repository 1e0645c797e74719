/** Why is a unit where it is, or nowhere: what `flotilla why` shows. Asks the planner itself, so that both agree. */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import type { DesiredState, Outcome } from "#model/records.ts";
import { whereUnitIs } from "#model/units.ts";
import type { Placement } from "#unit/placement.ts";
import type { ClusterPlan, ClusterStep, PlanContext, Refusal } from "./cluster-plan.ts";
import type { Draft } from "./reconcile/draft.ts";
import { describeFailures } from "./reconcile/failures.ts";
import { drawPlan } from "./reconcile/plan-cluster.ts";
import { isTemplate } from "./reconcile/standing.ts";
import { summariseRefusals } from "./refusals.ts";
import type { ScheduledMachine } from "./schedule/machine.ts";
import type { ScoreParts } from "./schedule/score.ts";
import { underWay } from "./under-way.ts";

/** A machine that has the unit, or shall have it. */
export interface UnitPlace {
  readonly machine: string;
  readonly name: string;
  /** False when the machine is gone. */
  readonly present: boolean;
  /** Absent where the machine still reports a unit that it shall no longer have. */
  readonly assigned?: {
    readonly desired: "loaded" | "launched";
    readonly file: string;
    readonly reason: string;
    readonly sinceMs: number;
  };
  /** Absent until the machine has reported. */
  readonly state?: {
    readonly active: string;
    readonly sub: string;
    readonly sinceMs: number;
    readonly message?: string;
  };
}

/** What a machine would be to the unit if the engine decided now. */
export interface MachineVerdict {
  readonly machine: string;
  readonly name: string;
  /** `here`: it is there and stays; `chosen`: it would be put there; `fits`: it could be, another is better. */
  readonly verdict: "here" | "chosen" | "fits" | "refused";
  readonly refusal?: Refusal;
  readonly score?: ScoreParts;
}

export interface UnitExplanation {
  readonly unit: string;
  readonly desired: DesiredState;
  readonly file: string;
  /** One sentence: where it is and why, or why it is nowhere. */
  readonly summary: string;
  readonly places: readonly UnitPlace[];
  /** What the engine would do with the unit now; empty when all is as it shall be. */
  readonly steps: readonly ClusterStep[];
  /** Every present machine, in order of ID. Empty for templates and where the unit file cannot be read. */
  readonly machines: readonly MachineVerdict[];
  readonly holding?: ClusterPlan["holding"];
  readonly outcome?: Outcome & { readonly text: string };
}

/** Explains one unit; undefined when there is no such unit. */
export function explainUnit(
  view: ClusterView,
  context: PlanContext,
  unit: string,
): UnitExplanation | undefined {
  const record = view.units.get(unit);
  if (record === undefined) return undefined;
  const { plan, draft } = drawPlan(view, context);
  const places = placesOf(view, unit);
  const placement = context.placementOf(unit, record.file);
  const machines =
    placement === undefined || isTemplate(unit) ? [] : verdicts(draft, unit, placement, places);
  const outcome = outcomeOf(draft, unit);
  const steps = plan.steps.filter((step) => "unit" in step && step.unit === unit);
  const facts = { unit, desired: record.desired, file: record.file, places, steps, machines };
  return {
    ...facts,
    summary: summarise(draft, plan, facts, outcome),
    ...(plan.holding === undefined ? {} : { holding: plan.holding }),
    ...(outcome === undefined ? {} : { outcome }),
  };
}

function placesOf(view: ClusterView, unit: string): readonly UnitPlace[] {
  return whereUnitIs(view, unit).map(({ machine, assignment, state }) => ({
    machine,
    name: nameOfMachine(view, machine),
    present: view.machines.has(machine),
    ...(assignment === undefined
      ? {}
      : {
          assigned: {
            desired: assignment.desired,
            file: assignment.file,
            reason: assignment.reason,
            sinceMs: assignment.assignedMs,
          },
        }),
    ...(state === undefined
      ? {}
      : {
          state: {
            active: state.active,
            sub: state.sub,
            sinceMs: state.sinceMs,
            ...(state.message === undefined ? {} : { message: state.message }),
          },
        }),
  }));
}

/** Judges each machine as if the unit were on none of them. Changes the draft, which is only this call's. */
function verdicts(
  { scheduler }: Draft,
  unit: string,
  placement: Placement,
  places: readonly UnitPlace[],
): readonly MachineVerdict[] {
  const targets = new Set(scheduler.placesOf(unit));
  for (const target of targets) scheduler.remove(unit, target);
  const assigned = new Set(places.flatMap((place) => (place.assigned === undefined ? [] : place.machine)));
  const judge = (machine: ScheduledMachine): MachineVerdict => {
    const { id, name } = machine.facts;
    const isTarget = targets.has(machine);
    const refusal = isTarget ? undefined : scheduler.refusalToCome(machine, { unit, placement });
    if (refusal !== undefined) return { machine: id, name, verdict: "refused", refusal };
    const score = scheduler.score(machine, { unit, placement });
    if (!isTarget) return { machine: id, name, verdict: "fits", score };
    return { machine: id, name, verdict: assigned.has(id) ? "here" : "chosen", score };
  };
  return scheduler.machines.map(judge);
}

function outcomeOf({ view, standings }: Draft, unit: string): UnitExplanation["outcome"] {
  const outcome = view.outcomes.get(unit);
  if (outcome === undefined || standings.get(unit)?.finished !== true) return undefined;
  const text = `it has finished on ${nameOfMachine(view, outcome.machine)}, and is not run again until it is started`;
  return { ...outcome, text };
}

function summarise(
  draft: Draft,
  plan: ClusterPlan,
  { unit, desired, places, machines }: Pick<UnitExplanation, "unit" | "desired" | "places" | "machines">,
  outcome: UnitExplanation["outcome"],
): string {
  if (isTemplate(unit)) return "it is a template: only its instances run";
  if (outcome !== undefined) return outcome.text;
  const unplaced = plan.unplaced.find((other) => other.unit === unit);
  if (unplaced !== undefined) return `it is on no machine: ${unplaced.summary}`;
  const happening = underWay(draft.view, unit);
  if (desired === "inactive") return happening ?? inactiveSummary(machines);
  const here = places.filter((place) => place.assigned !== undefined);
  const [first, ...more] = here;
  if (first === undefined) return "the engine is about to place it";
  if (more.length > 0 && happening === undefined)
    return `it is on ${here.length} machines: ${first.assigned?.reason ?? ""}`;
  const failures = describeFailures(draft, unit);
  if (failures !== undefined) return failures;
  if (happening !== undefined) return happening;
  const lost = draft.losses.since.has(first.machine) ? ", which is gone" : "";
  const where = first.assigned?.desired === "loaded" ? "loaded, and not started, on" : "on";
  return `it is ${where} ${first.name}${lost}: ${first.assigned?.reason ?? ""}`;
}

function inactiveSummary(machines: readonly MachineVerdict[]): string {
  const refusals = machines.flatMap(({ refusal }) => refusal ?? []);
  const fitting = machines.length - refusals.length;
  if (fitting === 0)
    return `nobody asked for it to run, and it would fit nowhere: ${summariseRefusals(refusals)}`;
  return `nobody asked for it to run; it would fit on ${fitting} of ${machines.length} machines`;
}
