/** The story of one unit: what is decided about it and why, and what has happened to it. */
import type { ClusterView } from "#model/cluster-state.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import { explainUnit, type UnitExplanation } from "#plan/explain.ts";
import { lastStartMs, type PromiseFigures, promiseOf } from "#plan/promise.ts";
import type { Why } from "./bodies.ts";
import { latestEvents } from "./cluster-events.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { unitNotFound } from "./unit-decisions.ts";
import { unitDetail } from "./unit-files.ts";

const EVENTS_SHOWN = 20;

/** @throws FlotillaError `unit-not-found` */
export async function unitWhy(unit: string, dependencies: ApiDependencies): Promise<Why> {
  const { mirror, planContext, clock } = dependencies;
  const askedMs = clock.monotonic();
  const events = await latestEvents(dependencies, { unit }, EVENTS_SHOWN);
  const context = planContext();
  const explained = explainUnit(mirror.view, context, unit);
  // The engine does the same: it plans, and the store answers.
  const decideMs = clock.monotonic() - askedMs;
  if (explained === undefined) throw unitNotFound(unit);
  return {
    ...unitDetail(unit, dependencies),
    summary: explained.summary,
    next: explained.steps.map((step) => step.reason),
    holding: explained.holding?.reason ?? null,
    machines: explained.machines.map(({ machine, name, verdict, refusal }) => ({
      machine,
      machineName: name,
      verdict,
      reason: refusal?.text ?? null,
    })),
    promise: promiseFor(explained, { decideMs, startMs: lastStartMs(events) }, context, mirror.view),
    events,
  };
}

function promiseFor(
  { unit, file, places, outcome }: UnitExplanation,
  figures: Pick<PromiseFigures, "decideMs" | "startMs">,
  { placementOf, settings }: PlanContext,
  { machines }: ClusterView,
): Why["promise"] {
  const home = places.find(({ assigned, present }) => assigned?.desired === "launched" && present);
  const leaseTtlS = machines.get(home?.machine ?? "")?.leaseTtlS;
  const placement = placementOf(unit, file);
  // What has finished is not started elsewhere.
  if (leaseTtlS === undefined || placement === undefined || outcome !== undefined) return null;
  const promise = promiseOf(placement, { ...figures, leaseTtlMs: leaseTtlS * 1000 }, settings);
  return promise === undefined ? null : { ...promise, parts: [...promise.parts] };
}
