/** `flotilla cat`: prints unit files as they were submitted. */
import { completeUnitName } from "#unit/name.ts";
import type { CommandContext } from "./command.ts";
import { askAboutUnit } from "./units/did-you-mean.ts";

export async function cat({ args, io, client }: CommandContext): Promise<number> {
  const api = await client();
  for (const unit of args.map(completeUnitName)) {
    io.stdout.write(await askAboutUnit(unit, api, () => api.unitText(unit, io.signal)));
  }
  return 0;
}
