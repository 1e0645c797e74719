/**
 * Which files make up a unit, decided from the names that lie in the directories of a search path.
 *
 * The rules are those of systemd.unit(5) and systemd's unit-file.c: the first directory that has a file wins, a unit's own
 * file before its template's, a link to /dev/null masks, a link to another unit's file is an alias. Nothing is read here:
 * who lists the directories also reads what is decided on.
 */
import { dropInDirectories, typeDropInDirectory } from "./drop-ins.ts";
import { isUnitName, parseUnitName } from "./name.ts";

/** A directory with unit files. */
export interface UnitDirectory {
  /** Absolute, without a slash at its end. */
  readonly path: string;
  /** What lies in it by its path below it, such as `web.service` and `web.service.d/10-limits.conf`. */
  readonly files: ReadonlyMap<string, DirectoryEntry>;
}

/** The absolute path a symbolic link points to; undefined for any other file. */
export interface DirectoryEntry {
  readonly target?: string;
}

/** The dependencies that a link in a directory beside a unit file adds, by the directory's ending. */
export const DEPENDENCY_DIRECTORIES = { wants: "Wants", requires: "Requires", upholds: "Upholds" } as const;

export interface LinkedDependencies {
  readonly key: (typeof DEPENDENCY_DIRECTORIES)[keyof typeof DEPENDENCY_DIRECTORIES];
  readonly units: readonly string[];
}

export interface UnitParts {
  /** The unit's name, aliases followed. */
  readonly id: string;
  /** Absolute path of the unit file; `masked` where /dev/null stands for it; undefined when there is none. */
  readonly fragment: string | undefined;
  /** Absolute paths in the order in which they apply. */
  readonly dropIns: readonly string[];
  readonly dependencies: readonly LinkedDependencies[];
}

const MASK = "/dev/null";

/** Everything that makes up the unit `name`. Throws `bad-unit-name`. */
export function findUnitParts(name: string, directories: readonly UnitDirectory[]): UnitParts {
  const { id, fragment } = followAliases(name, directories);
  const names = namesOf(id, directories);
  const found = findInDirectories(names, ".d", directories).filter((path) => path.endsWith(".conf"));
  const dependencies = Object.entries(DEPENDENCY_DIRECTORIES).map(([ending, key]) => ({
    key,
    units: findInDirectories(names, `.${ending}`, directories).flatMap((path) => linkedUnit(path, id)),
  }));
  return { id, fragment, dropIns: found, dependencies: dependencies.filter(({ units }) => units.length > 0) };
}

/** The unit's own file, else its template's; a link to another unit of the search path makes that the unit. */
function followAliases(
  name: string,
  directories: readonly UnitDirectory[],
): Pick<UnitParts, "id" | "fragment"> {
  const seen = new Set<string>();
  let id = name;
  while (!seen.has(id)) {
    seen.add(id);
    const { template, instance } = parseUnitName(id);
    const found =
      findFile(id, directories) ?? (template === undefined ? undefined : findFile(template, directories));
    if (found === undefined) return { id, fragment: undefined };
    if (found.target === MASK) return { id, fragment: "masked" };
    const alias = aliasOf(found, id, directories);
    if (alias === undefined) return { id, fragment: found.path };
    id = instance === undefined ? alias : instantiate(alias, instance);
  }
  return { id, fragment: undefined };
}

interface FoundFile extends DirectoryEntry {
  readonly path: string;
}

function findFile(file: string, directories: readonly UnitDirectory[]): FoundFile | undefined {
  for (const { path, files } of directories) {
    const entry = files.get(file);
    if (entry !== undefined) return { path: `${path}/${file}`, ...entry };
  }
  return undefined;
}

/** The other name a link stands for: one of the same type in the search path; a link out of it is a file as any other. */
function aliasOf(
  { path, target }: FoundFile,
  id: string,
  directories: readonly UnitDirectory[],
): string | undefined {
  if (target === undefined) return undefined;
  const name = fileName(target);
  const isInPath = directories.some((directory) => target === `${directory.path}/${name}`);
  if (!isInPath || name === fileName(path) || !isUnitName(name)) return undefined;
  return parseUnitName(name).suffix === parseUnitName(id).suffix ? name : undefined;
}

/** The unit's name and those that are links to its file. */
function namesOf(id: string, directories: readonly UnitDirectory[]): readonly string[] {
  const links = directories.flatMap(({ path, files }) =>
    [...files].flatMap(([file, { target }]) => {
      if (target === undefined || file.includes("/") || !isUnitName(file)) return [];
      return aliasOf({ path: `${path}/${file}`, target }, id, directories) === id ? [file] : [];
    }),
  );
  return [...new Set([id, ...links])];
}

/**
 * The files of all drop-in directories of a unit in order of their names. Of two with the same name that of the first
 * search directory counts, in the same one that of the more specific; `service.d` comes last of all.
 */
function findInDirectories(
  names: readonly string[],
  suffix: string,
  directories: readonly UnitDirectory[],
): readonly string[] {
  const own = names.flatMap((name) =>
    directories.flatMap((directory) =>
      dropInDirectories(name, suffix).map((folder) => ({ directory, folder })),
    ),
  );
  const [id = ""] = names;
  const ofType = directories.map((directory) => ({ directory, folder: typeDropInDirectory(id, suffix) }));
  const byName = new Map<string, FoundFile>();
  for (const { directory, folder } of [...own, ...ofType]) {
    for (const [file, entry] of directory.files) {
      const name = fileName(file);
      if (file !== `${folder}/${name}` || byName.has(name)) continue;
      byName.set(name, { path: `${directory.path}/${file}`, ...entry });
    }
  }
  return [...byName.values()]
    .filter(({ target }) => target !== MASK)
    .sort((a, b) => compareNames(fileName(a.path), fileName(b.path)))
    .map(({ path }) => path);
}

/** By bytes, as systemd sorts; a UTF-16 comparison agrees for all names that occur. */
function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The unit that a link in `x.wants/` names; a template's name gets the instance of the unit it is wanted by. */
function linkedUnit(path: string, id: string): readonly string[] {
  const name = fileName(path);
  if (!isUnitName(name)) return [];
  const { instance } = parseUnitName(id);
  if (!parseUnitName(name).isTemplate) return [name];
  return instance === undefined ? [] : [instantiate(name, instance)];
}

function instantiate(name: string, instance: string): string {
  return parseUnitName(name).isTemplate ? name.replace("@.", `@${instance}.`) : name;
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
