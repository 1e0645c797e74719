/** What to think about in a unit that is not wrong: traps by name (unit/lint.ts), and other units that are nowhere. */
import { accessSync, constants } from "node:fs";
import { nearest } from "#base/nearest.ts";
import { lintUnit } from "#unit/lint.ts";
import { parseUnitName } from "#unit/name.ts";
import { findReferences } from "#unit/references.ts";
import type { Warning } from "../terminal/show-error.ts";
import { textOf } from "./check-sources.ts";
import type { KnownCluster } from "./known-cluster.ts";
import type { UnitSource } from "./unit-sources.ts";

export interface Note extends Warning {
  /** Its name, which stays. */
  readonly lint: string;
}

/** @param cluster undefined when it could not be asked */
export function findNotes(source: UnitSource, cluster: KnownCluster | undefined): readonly Note[] {
  const text = textOf(source);
  if (text === undefined || text === "") return [];
  const facts = cluster === undefined ? {} : { notEnforced: cluster.notEnforced };
  const traps = lintUnit(source.unit, text, { hasProgram, ...facts });
  return [...traps, ...unknownUnits(source, text, cluster)].map((note) => ({
    ...note,
    place: source.file === undefined ? note.place : source.file.locate(note.place),
  }));
}

/** Where systemd looks for a program without a path. */
const PROGRAM_FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

function hasProgram(path: string): boolean {
  const places = path.startsWith("/") ? [path] : PROGRAM_FOLDERS.map((folder) => `${folder}/${path}`);
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

type Noted = Note & Required<Pick<Note, "place">>;

/** An order beside a unit that is nowhere does no harm, so it is noted only where a name that is known was meant. */
function unknownUnits(
  { unit, directory }: UnitSource,
  text: string,
  cluster: KnownCluster | undefined,
): readonly Noted[] {
  const beside = [...(directory?.files.keys() ?? [])].filter((file) => !file.includes("/"));
  const known = new Set([...beside, ...(cluster?.units ?? [])]);
  const where =
    cluster === undefined ? "is not beside it; no daemon answers" : "is neither beside it nor submitted";
  return findReferences(unit, text).flatMap(({ unit: named, key, place }) => {
    const near = nearestUnit(named, known);
    const isOrder = key === "After" || key === "Before";
    if (isKnown(named, known) || (isOrder && near === undefined)) return [];
    const hint = near === undefined ? {} : { hint: `did you mean ${near}?` };
    const verb = key === "Accept" ? "needs" : "names";
    return [{ lint: "unknown-unit", message: `${key}= ${verb} ${named}, which ${where}`, place, ...hint }];
  });
}

/** Of the same type: the suffix would make any two short names look alike. */
function nearestUnit(name: string, known: ReadonlySet<string>): string | undefined {
  const suffix = `.${parseUnitName(name).suffix}`;
  const stem = (unit: string): string => unit.slice(0, -suffix.length);
  const near = nearest(stem(name), [...known].filter((unit) => unit.endsWith(suffix)).map(stem));
  return near === undefined ? undefined : near + suffix;
}

function isKnown(unit: string, known: ReadonlySet<string>): boolean {
  const { template } = parseUnitName(unit);
  return known.has(unit) || (template !== undefined && known.has(template));
}
