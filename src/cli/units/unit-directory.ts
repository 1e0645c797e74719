/**
 * Directories with unit files, read from disk: what search-path.ts decides on, and the texts of what it decided.
 * A directory may hold anything; only what can be part of a unit is looked at. A command has nothing else to do meanwhile,
 * and to load Node's promises of files takes it 2 ms.
 */
import { readdirSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import type { Diagnostic } from "#unit/diagnostic.ts";
import { type MergedUnit, mergeDropIns, type UnitPart } from "#unit/drop-ins.ts";
import { isUnitName, parseUnitName } from "#unit/name.ts";
import {
  DEPENDENCY_DIRECTORIES,
  type DirectoryEntry,
  findUnitParts,
  type LinkedDependencies,
  type UnitDirectory,
} from "#unit/search-path.ts";
import { readUnitText } from "./unit-text.ts";

/** A unit put together from everything that lies beside it. */
export interface DirectoryUnit extends MergedUnit {
  /** Its name; that of the unit it is an alias of. */
  readonly id: string;
  /** The unit file's path, as places name it. */
  readonly path: string;
  /** Paths of drop-ins and of dependencies by link, below the directory. */
  readonly additions: readonly string[];
}

/** What lies in a directory; undefined when there is none. @throws FlotillaError when it cannot be read */
export async function listUnitDirectory(path: string): Promise<UnitDirectory | undefined> {
  const entries = listEntries(path);
  if (entries === undefined) return undefined;
  const folders = entries.filter(({ name, isDirectory }) => isDirectory && mayHoldParts(name));
  const inner = folders.map(({ name }) => filesIn(`${path}/${name}`).map(below(name)));
  const files = toFiles(
    path,
    entries.filter(({ name, isDirectory }) => !isDirectory && isUnitName(name)),
  );
  return { path, files: new Map([...files, ...inner.flat()]) };
}

function below(folder: string) {
  return ([file, entry]: readonly [string, DirectoryEntry]) => [`${folder}/${file}`, entry] as const;
}

function mayHoldParts(folder: string): boolean {
  return ["d", ...Object.keys(DEPENDENCY_DIRECTORIES)].some((ending) => folder.endsWith(`.${ending}`));
}

function filesIn(path: string): readonly (readonly [string, DirectoryEntry])[] {
  const entries = listEntries(path) ?? [];
  return toFiles(
    path,
    entries.filter(({ isDirectory }) => !isDirectory),
  );
}

interface Listed {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly isLink: boolean;
}

function listEntries(path: string): readonly Listed[] | undefined {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.map((entry) => ({
      name: entry.name,
      isDirectory: entry.isDirectory(),
      isLink: entry.isSymbolicLink(),
    }));
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) {
      return undefined;
    }
    const message = error instanceof Error ? error.message : String(error);
    throw new FlotillaError("not-permitted", `${path} cannot be listed: ${message}`, { cause: error });
  }
}

function toFiles(folder: string, entries: readonly Listed[]): readonly (readonly [string, DirectoryEntry])[] {
  return entries.map(({ name, isLink }) => {
    const target = isLink ? resolve(folder, readlinkSync(`${folder}/${name}`)) : undefined;
    return [name, target === undefined ? {} : { target }] as const;
  });
}

/** The unit files of a directory, each once: not the links that are other names of one. */
export function unitsOf(directory: UnitDirectory): readonly string[] {
  return [...directory.files.keys()]
    .filter((file) => !file.includes("/") && findUnitParts(file, [directory]).id === file)
    .sort();
}

/**
 * The unit `name` with its drop-ins, or undefined when the directory has no file for it.
 * @param shown the directory as the person named it, for places
 * @throws FlotillaError for a part that is no text
 */
export async function readDirectoryUnit(
  name: string,
  directory: UnitDirectory,
  shown: string,
): Promise<DirectoryUnit | undefined> {
  const { id, fragment, dropIns, dependencies } = findUnitParts(name, [directory]);
  if (fragment === undefined) return undefined;
  const inside = (path: string): string => path.slice(directory.path.length + 1);
  const show = (part: string): string => (shown === "" ? part : `${shown}/${part}`);
  const read = async (part: string): Promise<UnitPart> => ({
    path: part,
    text: (await readUnitText(show(part), directory.path, part)) ?? "",
  });
  const main = fragment === "masked" ? { path: id, text: "" } : await read(inside(fragment));
  const parts = (await Promise.all(dropIns.map(inside).map(read))).filter(({ text }) => text !== "");
  const linked = dependencies.map((each) => asPart(id, each));
  const merged = mergeDropIns(main, [...parts, ...linked]);
  const locate: MergedUnit["locate"] = (place) => {
    const located = merged.locate(place);
    return { ...located, file: show(located.file) };
  };
  return {
    text: merged.text,
    diagnostics: merged.diagnostics.map((each) => shownAt(each, show)),
    locate,
    id,
    path: show(main.path),
    additions: main.text === "" ? [] : [...parts, ...linked].map(({ path }) => path),
  };
}

function shownAt(diagnostic: Diagnostic, show: (part: string) => string): Diagnostic {
  return { ...diagnostic, place: { ...diagnostic.place, file: show(diagnostic.place.file) } };
}

/** Links in `x.wants/` as the lines that mean the same. */
function asPart(id: string, { key, units }: LinkedDependencies): UnitPart {
  return { path: `${id}.${key.toLowerCase()}/`, text: `[Unit]\n${key}=${units.join(" ")}\n` };
}

/** True when a drop-in is for this instance alone, so that the template's text is not enough. */
export function differsFromTemplate(unit: DirectoryUnit, template: DirectoryUnit | undefined): boolean {
  return (
    template === undefined || parseUnitName(unit.id).template !== template.id || unit.text !== template.text
  );
}
