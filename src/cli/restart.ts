/** `flotilla restart`: starts units anew, running or not. */
import type { CommandContext } from "./command.ts";
import { changeUnits } from "./units/change-units.ts";

export function restart(context: CommandContext): Promise<number> {
  return changeUnits(context, "restart", "launched");
}
