/** `flotilla load`: puts units on a machine without starting them. */
import type { CommandContext } from "./command.ts";
import { submitUnits } from "./units/change-units.ts";

export function load(context: CommandContext): Promise<number> {
  return submitUnits(context, "loaded", "loaded");
}
