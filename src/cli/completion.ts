/** `flotilla completion`: the completion script of a shell. */
import type { CommandContext } from "./command.ts";

export async function completion(_: CommandContext): Promise<number> {
  return 0;
}
