/** `flotilla start`: submits what is not submitted yet, and waits until it is active or says why not. */
import type { CommandContext } from "./command.ts";
import { submitUnits } from "./units/change-units.ts";

export function start(context: CommandContext): Promise<number> {
  return submitUnits(context, "launched", "launched");
}
