/** Why there is no transaction: systemd's D-Bus errors, with its texts. */
import type { JobError } from "../../supervisor.ts";
import type { MachineView } from "./view.ts";

export interface Refusal {
  readonly error: JobError;
  readonly message: string;
}

/** Why a job other than a stop cannot be of this unit; undefined: it can. */
export function loadRefusal(view: MachineView, name: string): Refusal | undefined {
  const unit = view.unit(name);
  if (unit === undefined) return { error: "NoSuchUnit", message: `Unit ${name} not found.` };
  const problem = unit.problem === undefined ? "" : ` ${unit.problem}`;
  switch (unit.load) {
    case "loaded":
      return undefined;
    case "not-found":
      return { error: "NoSuchUnit", message: `Unit ${name} not found.` };
    case "masked":
      return { error: "UnitMasked", message: `Unit ${name} is masked.` };
    case "bad-setting":
      return { error: "BadUnitSetting", message: `Unit ${name} has a bad unit file setting.${problem}` };
    case "error":
      return { error: "LoadFailed", message: `Unit ${name} failed to load properly.${problem}` };
  }
}
