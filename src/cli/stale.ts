/** Says below a list that it may be old: a machine that the store does not answer goes on answering from memory. */
import type { FlotillaClient } from "#client/client.ts";
import type { CommandContext } from "./command.ts";
import { writeLines } from "./terminal/output.ts";

/** To the terminal only: programs ask `GET /v1/cluster`. */
export async function tellIfStale(context: CommandContext, client: FlotillaClient): Promise<void> {
  const { io, format, options, paintTalk } = context;
  if (format !== "table" || !options.flag("legend")) return;
  const { connected } = await client.cluster(io.signal);
  if (connected) return;
  writeLines(io.stderr, [
    paintTalk(
      "yellow",
      "The store does not answer: this is what was known last. flotilla store status tells more.",
    ),
  ]);
}
