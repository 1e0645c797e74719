/** What a person names on the command line, a path or a unit's name, as the unit and the text that belongs to it. */
import { readFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { LIMITS } from "#model/limits.ts";
import { decodeUnitFile } from "#unit/decode.ts";
import { hasErrors, toError } from "#unit/diagnostic.ts";
import { completeUnitName, parseUnitName } from "#unit/name.ts";

export interface UnitSource {
  readonly unit: string;
  /** Of the file of that name, where there is one. */
  readonly text?: string;
  /** Of the template's file beside it, where there is only that. */
  readonly templateText?: string;
  /** The path that was read, for places of what is wrong with it. */
  readonly path?: string;
}

/** fleet's order: the file itself, else its template's file; the cluster is asked for what has neither. */
export async function findUnitSource(argument: string, cwd: string): Promise<UnitSource> {
  const unit = completeUnitName(argument);
  const { template } = parseUnitName(unit);
  const folder = dirname(argument);
  const path = join(folder, unit);
  const text = await readUnitText(path, cwd);
  if (text !== undefined) return { unit, text, path };
  const templatePath = template === undefined ? undefined : join(folder, template);
  const templateText = templatePath === undefined ? undefined : await readUnitText(templatePath, cwd);
  if (templatePath !== undefined && templateText !== undefined)
    return { unit, templateText, path: templatePath };
  if (argument.includes("/")) throw noSuchFile(argument);
  return { unit };
}

/** Every argument's source; a unit that is named twice counts once. */
export async function findUnitSources(args: readonly string[], cwd: string): Promise<UnitSource[]> {
  const sources = await Promise.all(args.map((argument) => findUnitSource(argument, cwd)));
  return [...new Map(sources.map((source) => [source.unit, source])).values()];
}

/** Undefined when there is no such file. @throws FlotillaError for one that is no text or cannot be read */
export async function readUnitText(path: string, cwd: string): Promise<string | undefined> {
  const bytes = await readBytes(isAbsolute(path) ? path : join(cwd, path), path);
  if (bytes === undefined) return undefined;
  const { text, diagnostics } = decodeUnitFile(bytes, LIMITS.unitFileBytes, path);
  if (hasErrors(diagnostics)) throw toError(diagnostics, path);
  return text;
}

async function readBytes(absolute: string, shown: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(absolute);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new FlotillaError("bad-unit-file", `${shown} cannot be read: ${code}`, {
      hint: code === "EISDIR" ? "name the unit files in it, such as: DIR/*.service" : "is it yours to read?",
      cause: error,
    });
  }
}

function noSuchFile(path: string): FlotillaError {
  return new FlotillaError("unit-not-found", `there is no unit file ${path}`, {
    hint: `to name a submitted unit, leave out the folder: ${basename(path)}`,
  });
}
