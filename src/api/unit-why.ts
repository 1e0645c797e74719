/** The story of one unit: what was decided about it and why, and what has happened to it. */
import type { Why } from "./bodies.ts";
import { latestEvents } from "./cluster-events.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { unitDetail } from "./unit-files.ts";

const EVENTS_SHOWN = 20;

/** The whole story of one unit. @throws FlotillaError `unit-not-found` */
export async function unitWhy(unit: string, dependencies: ApiDependencies): Promise<Why> {
  const detail = unitDetail(unit, dependencies);
  const events = await latestEvents(dependencies, { unit }, EVENTS_SHOWN);
  return { ...detail, story: [], machines: [], events };
}
