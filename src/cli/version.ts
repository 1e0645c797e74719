/** `flotilla version`: this program's version and, where it answers, the daemon's. */
import { VERSION } from "#base/version.ts";
import type { CommandContext } from "./command.ts";

import { isData, showData, writeLines } from "./terminal/output.ts";

export async function version({ io, format, client }: CommandContext): Promise<number> {
  const daemon = await daemonVersion(client, io.signal);
  if (isData(format)) await showData(io.stdout, { client: VERSION, daemon }, format);
  else writeLines(io.stdout, [`flotilla ${VERSION}`, `daemon ${daemon ?? "does not answer"}`]);
  return 0;
}

async function daemonVersion(client: CommandContext["client"], signal: AbortSignal): Promise<string | null> {
  try {
    return (await (await client()).version(signal)).version;
  } catch {
    return null;
  }
}
