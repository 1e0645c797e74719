/** One unit file, or drop-in, from disk; read at once, as in unit-directory.ts. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { LIMITS } from "#model/limits.ts";
import { decodeUnitFile } from "#unit/decode.ts";
import { hasErrors, toError } from "#unit/diagnostic.ts";

/**
 * Undefined when there is no such file.
 * @param shown how messages and places name the file @param path where it is, from `folder`
 * @throws FlotillaError for one that is no text or cannot be read
 */
export async function readUnitText(
  shown: string,
  folder: string,
  path: string = shown,
): Promise<string | undefined> {
  const bytes = readBytes(resolve(folder, path), shown);
  if (bytes === undefined) return undefined;
  const { text, diagnostics } = decodeUnitFile(bytes, LIMITS.unitFileBytes, shown);
  if (hasErrors(diagnostics)) throw toError(diagnostics, shown);
  return text;
}

function readBytes(absolute: string, shown: string): Uint8Array | undefined {
  try {
    return readFileSync(absolute);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new FlotillaError("bad-unit-file", `${shown} cannot be read: ${code}`, {
      hint: "is it yours to read?",
      cause: error,
    });
  }
}
