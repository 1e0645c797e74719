/** The unit that a socket, path or timer starts: whether it can be started and is up, and how it is shown. */
import type { ActiveState, JobOutcome, UnitFact, UnitStatus } from "../../supervisor.ts";
import type { UnitHost } from "../unit.ts";

/** systemctl's marks of states. */
const MARKS: Readonly<Record<ActiveState, string>> = {
  active: "●",
  reloading: "↻",
  inactive: "○",
  failed: "×",
  activating: "●",
  deactivating: "●",
};

/** `Triggers: ● web.service`; nothing where no unit is known by name. */
export function triggersFact(
  unit: string | undefined,
  host: Pick<UnitHost, "statusOf">,
): readonly UnitFact[] {
  if (unit === undefined) return [];
  const state = host.statusOf(unit)?.active ?? "inactive";
  return [{ label: "Triggers", text: `${MARKS[state]} ${unit}` }];
}

/** Why a unit that is to start `unit` is not started itself; undefined when nothing is in its way. */
export function refusalToTrigger(
  unit: string,
  host: Pick<UnitHost, "instantiate" | "statusOf">,
): string | undefined {
  const isLoaded = host.instantiate(unit) && host.statusOf(unit)?.load === "loaded";
  return isLoaded ? undefined : `Refusing to start, unit ${unit} to trigger not loaded.`;
}

/** Why the start of the unit could not even be queued; that it failed is told by the unit's own state. */
export function whyNotQueued({ error, result, message }: JobOutcome): string | undefined {
  return error === undefined && result !== "invalid" ? undefined : (message ?? error ?? result);
}

export function isUp(status: UnitStatus | undefined): boolean {
  return status !== undefined && status.active !== "inactive" && status.active !== "failed";
}
