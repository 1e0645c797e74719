/** `flotilla store backup`: all of the store in one file, received whole or not at all. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { receiveSealedFile } from "#host/sealed-file.ts";
import type { CommandContext } from "./command.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

export async function backup({ args, options, io, format, client }: CommandContext): Promise<number> {
  const [name = ""] = args;
  const file = resolve(io.cwd, name);
  if (existsSync(file) && !options.flag("force")) {
    throw new FlotillaError("conflict", `${name} is there already`, { hint: "--force replaces it" });
  }
  const bytes = await receiveSealedFile(file, (await client()).backup(io.signal));
  if (isData(format)) await showData(io.stdout, { file, bytes }, format);
  else writeLines(io.stderr, [`${name}: ${bytes} bytes, checked`]);
  return 0;
}
