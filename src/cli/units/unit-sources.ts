/** What a person names on the command line, a path, a folder or a unit's name, as units and the texts that belong to them. */
import { basename, dirname, normalize, resolve } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { completeUnitName, parseUnitName } from "#unit/name.ts";
import type { UnitDirectory } from "#unit/search-path.ts";
import {
  type DirectoryUnit,
  differsFromTemplate,
  listUnitDirectory,
  readDirectoryUnit,
  unitsOf,
} from "./unit-directory.ts";

export interface UnitSource {
  readonly unit: string;
  /** Of the file of that name, or with drop-ins for it alone, where there is one. */
  readonly text?: string;
  /** Of the template's file beside it, where there is only that. */
  readonly templateText?: string;
  /** What the text was put together from; absent for a unit that only the cluster may know. */
  readonly file?: DirectoryUnit;
  /** What lies beside it. */
  readonly directory?: UnitDirectory;
}

/** Every argument's sources; a unit that is named twice counts once. @throws FlotillaError for files that are none */
export async function findUnitSources(args: readonly string[], cwd: string): Promise<UnitSource[]> {
  const sources = await Promise.all(args.map((argument) => findSources(argument, cwd)));
  return [...new Map(sources.flat().map((source) => [source.unit, source])).values()];
}

/** The templates that lie beside sockets and that these make services from, as far as they are not named themselves. */
export async function findTemplatesBeside(sources: readonly UnitSource[]): Promise<UnitSource[]> {
  if (!sources.some(({ unit }) => unit.endsWith(".socket"))) return [];
  const { connectionTemplate } = await import("#unit/connection-template.ts");
  const named = new Set(sources.map(({ unit }) => unit));
  const found = await Promise.all(
    sources.map(async ({ unit, text, templateText, directory, file }) => {
      const template = connectionTemplate(unit, text ?? templateText ?? "");
      if (template === undefined || directory === undefined || named.has(template)) return undefined;
      return directorySource(template, directory, shownFolder(dirname(file?.path ?? "")));
    }),
  );
  const templates = found.filter((source) => source !== undefined);
  return [...new Map(templates.map((source) => [source.unit, source])).values()];
}

async function findSources(argument: string, cwd: string): Promise<readonly UnitSource[]> {
  if (isFolderName(argument)) return folderSources(argument, cwd);
  const folder = dirname(argument);
  const directory = await listUnitDirectory(resolve(cwd, folder));
  const unit = completeUnitName(argument);
  const source = directory && (await directorySource(unit, directory, shownFolder(folder)));
  if (source !== undefined) return [source];
  if (!argument.includes("/")) return [{ unit: parseUnitName(unit).full }];
  return folderSources(argument, cwd);
}

/** A bare word is a unit; a folder shows by its slash, or by dots alone. */
function isFolderName(argument: string): boolean {
  return /(^|\/)(\.|\.\.)?$/.test(argument);
}

/** How a folder stands before the names of its files. */
function shownFolder(folder: string): string {
  const path = normalize(folder).replace(/\/$/, "");
  return path === "." ? "" : path;
}

/** All units of a folder. */
async function folderSources(folder: string, cwd: string): Promise<readonly UnitSource[]> {
  const directory = await listUnitDirectory(resolve(cwd, folder));
  if (directory === undefined) throw noSuchFile(folder);
  const units = unitsOf(directory);
  if (units.length === 0) {
    throw new FlotillaError("not-found", `there is no unit file in ${folder}`, {
      hint: "unit files end in .service, .timer or another unit type's suffix",
    });
  }
  const sources = await Promise.all(
    units.map((unit) => directorySource(unit, directory, shownFolder(folder))),
  );
  return sources.flatMap((source) => source ?? []);
}

/** fleet's order: the file itself, else its template's file; the cluster is asked for what has neither. */
async function directorySource(
  unit: string,
  directory: UnitDirectory,
  shown: string,
): Promise<UnitSource | undefined> {
  const file = await readDirectoryUnit(unit, directory, shown);
  if (file === undefined) return undefined;
  const { id, text } = file;
  const { template } = parseUnitName(id);
  if (template === undefined || basename(file.path) === id) return { unit: id, text, file, directory };
  const templateFile = await readDirectoryUnit(template, directory, shown);
  return differsFromTemplate(file, templateFile)
    ? { unit: id, text, file, directory }
    : { unit: id, templateText: text, file, directory };
}

function noSuchFile(path: string): FlotillaError {
  return new FlotillaError("unit-not-found", `there is no unit file ${path}`, {
    hint: `to name a submitted unit, leave out the folder: ${basename(path)}`,
  });
}
