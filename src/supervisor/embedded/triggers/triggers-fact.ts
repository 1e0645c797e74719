/** What a unit that starts another shows of that one. */
import type { ActiveState, UnitFact } from "../../supervisor.ts";
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
export function triggers(unit: string | undefined, host: Pick<UnitHost, "statusOf">): readonly UnitFact[] {
  if (unit === undefined) return [];
  const state = host.statusOf(unit)?.active ?? "inactive";
  return [{ label: "Triggers", text: `${MARKS[state]} ${unit}` }];
}
