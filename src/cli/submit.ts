/** `flotilla submit`: makes units known without starting them. */
import type { CommandContext } from "./command.ts";
import { submitUnits } from "./units/change-units.ts";

export function submit(context: CommandContext): Promise<number> {
  return submitUnits(context, undefined, undefined);
}
