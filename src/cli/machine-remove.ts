/** `flotilla machine remove`: machines that are gone are forgotten, and not let in again. */
import type { CommandContext } from "./command.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

export async function remove({ args, options, io, format, client }: CommandContext): Promise<number> {
  const api = await client();
  for (const text of args) {
    const removed = await api.removeMachine(text, options.flag("force"), io.signal);
    if (isData(format)) await showData(io.stdout, removed, format);
    else writeLines(io.stdout, [`${removed.name}: removed; its certificate is refused`]);
  }
  return 0;
}
