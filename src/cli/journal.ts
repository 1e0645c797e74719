/** `flotilla journal`: what a unit wrote, from the machine that has it. */
import { completeUnitName } from "#unit/name.ts";
import type { CommandContext } from "./command.ts";
import { formatJournalLine } from "./journal-line.ts";
import { isData, writeLines } from "./terminal/output.ts";
import { askAboutUnit } from "./units/did-you-mean.ts";

const DEFAULT_LINES = 10;

export async function journal({ args, options, io, format, client }: CommandContext): Promise<number> {
  const unit = completeUnitName(args[0] ?? "");
  const api = await client();
  const machine = options.text("machine");
  const lines = options.flag("all") ? undefined : (options.count("lines") ?? DEFAULT_LINES);
  await askAboutUnit(unit, api, async () => {
    const wish = {
      follow: options.flag("follow") ? ("true" as const) : ("false" as const),
      ...(machine === undefined ? {} : { machine }),
      ...(lines === undefined ? {} : { lines }),
    };
    for await (const line of api.journal(unit, wish, io.signal)) {
      writeLines(io.stdout, [isData(format) ? JSON.stringify(line) : formatJournalLine(line)]);
    }
  });
  return 0;
}
