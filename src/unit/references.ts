/** The other units that a unit file names, with where it does. */
import { FlotillaError, type Place } from "#base/errors.ts";
import { connectionTemplate } from "./connection-template.ts";
import { isUnitName } from "./name.ts";
import { isSpecialUnit } from "./special-units.ts";
import { expandSpecifiers, type SpecifierContext, specifierContext } from "./specifiers.ts";
import { parseUnitFile, type UnitFile } from "./unit-file.ts";
import { LITERAL_WORDS, splitWords } from "./words.ts";

export interface UnitReference {
  readonly unit: string;
  /** The key that names it, such as `Wants`. */
  readonly key: string;
  readonly place: Place;
}

/** The keys of [Unit] whose values are lists of units. */
export const UNIT_LIST_KEYS: readonly string[] = [
  "Wants",
  "Requires",
  "Requisite",
  "BindsTo",
  "PartOf",
  "Upholds",
  "Conflicts",
  "Before",
  "After",
  "OnFailure",
  "OnSuccess",
  "PropagatesReloadTo",
  "ReloadPropagatedFrom",
  "PropagatesStopTo",
  "StopPropagatedFrom",
  "JoinsNamespaceOf",
];

const KEYS: Readonly<Record<string, readonly string[]>> = {
  Unit: UNIT_LIST_KEYS,
  Service: ["Sockets"],
  Socket: ["Service"],
  Timer: ["Unit"],
  Path: ["Unit"],
};

/** In order, each unit once a key. Units that nobody has to write (special-units.ts) are left out, and the unit itself. */
export function findReferences(name: string, text: string): readonly UnitReference[] {
  const context = contextOf(name);
  if (context === undefined) return [];
  const file = parseUnitFile(text, name);
  const found = new Map<string, UnitReference>();
  for (const entry of file.entries) {
    if (KEYS[entry.section]?.includes(entry.key) !== true) continue;
    for (const word of splitWords(entry.value, LITERAL_WORDS).words) {
      const unit = expandSpecifiers(word, context);
      if (unit === undefined || unit === name || !isUnitName(unit) || isSpecialUnit(unit)) continue;
      const reference = { unit, key: entry.key, place: file.placeOfValue(entry, word) };
      if (!found.has(`${entry.key} ${unit}`)) found.set(`${entry.key} ${unit}`, reference);
    }
  }
  return [...found.values(), ...templateReference(name, text, file)];
}

/** The template that a socket makes services from. */
function templateReference(name: string, text: string, file: UnitFile): readonly UnitReference[] {
  const unit = connectionTemplate(name, text);
  const accept = file.entries.findLast(({ section, key }) => section === "Socket" && key === "Accept");
  if (unit === undefined || accept === undefined) return [];
  return [{ unit, key: "Accept", place: file.placeOfValue(accept) }];
}

function contextOf(name: string): SpecifierContext | undefined {
  try {
    return specifierContext(name);
  } catch (error) {
    if (error instanceof FlotillaError) return undefined;
    throw error;
  }
}
