/** `flotilla unload`: stops units and takes them off their machines. */
import type { CommandContext } from "./command.ts";
import { changeUnits } from "./units/change-units.ts";

export function unload(context: CommandContext): Promise<number> {
  return changeUnits(context, "unload", "unloaded");
}
