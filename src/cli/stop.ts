/** `flotilla stop`: stops units; they stay loaded. */
import type { CommandContext } from "./command.ts";
import { changeUnits } from "./units/change-units.ts";

export function stop(context: CommandContext): Promise<number> {
  return changeUnits(context, "stop", "stopped");
}
