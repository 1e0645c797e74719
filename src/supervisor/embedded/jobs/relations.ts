/** What a loaded unit says of others: its file's dependencies, and what its kind has to do with starting units. */
import { startedBy } from "../load-unit.ts";
import type { LoadedUnit } from "../unit.ts";
import type { Relations } from "./atoms.ts";

export function relationsOf({ dependencies, definition }: LoadedUnit): Relations {
  const started = startedBy(definition);
  const { wantedBy, requiredBy } = dependencies.install;
  return {
    ...dependencies,
    // Being loaded is being enabled here.
    wantedBy,
    requiredBy,
    triggers: started === undefined ? [] : [started],
    triggeredBy: definition.kind === "service" ? definition.settings.sockets : [],
  };
}
