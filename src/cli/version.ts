/** `flotilla version`: this program's version and, where it answers, the daemon's. */
import { FlotillaError } from "#base/errors.ts";
import { VERSION } from "#base/version.ts";
import type { CommandContext } from "./command.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

export async function version({ io, format, client, options }: CommandContext): Promise<number> {
  if (options.flag("licences")) {
    writeLines(io.stdout, [await licenceTexts()]);
    return 0;
  }
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

async function licenceTexts(): Promise<string> {
  const { assetText } = await import("#host/program-files.ts");
  const texts = assetText("licences.txt");
  if (texts !== undefined) return texts.trimEnd();
  throw new FlotillaError("unsupported", "only the single executable carries the texts with it", {
    hint: "here they are in LICENSE and beside each package in node_modules",
  });
}
