/** `flotilla destroy`: stops units and forgets them. */
import type { CommandContext } from "./command.ts";
import { changeUnits } from "./units/change-units.ts";

export function destroy(context: CommandContext): Promise<number> {
  return changeUnits(context, "destroy", "gone");
}
