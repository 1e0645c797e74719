/** The story of one unit: what is decided about it and why, and what has happened to it. */
import { explainUnit } from "#plan/explain.ts";
import type { Why } from "./bodies.ts";
import { latestEvents } from "./cluster-events.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { unitNotFound } from "./unit-decisions.ts";
import { unitDetail } from "./unit-files.ts";

const EVENTS_SHOWN = 20;

/** @throws FlotillaError `unit-not-found` */
export async function unitWhy(unit: string, dependencies: ApiDependencies): Promise<Why> {
  const events = await latestEvents(dependencies, { unit }, EVENTS_SHOWN);
  const { mirror, planContext } = dependencies;
  const explained = explainUnit(mirror.view, planContext(), unit);
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
    events,
  };
}
