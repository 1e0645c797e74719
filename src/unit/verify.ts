/** Everything that is wrong with a unit file, from its name to combinations of options: what `flotilla verify` prints. */
import { type ErrorDetails, FlotillaError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import { checkAutomount, checkMount, checkSwap } from "./check-mounts.ts";
import { checkTemplate } from "./check-template.ts";
import { checkOwnDependencies } from "./check-unused.ts";
import { type Diagnostic, inOrder } from "./diagnostic.ts";
import { COMMON_SECTIONS, findKey, keysOf, OWN_SECTION, SECTIONS, type SectionName } from "./keys.ts";
import type { UnitName, UnitSuffix } from "./name.ts";
import { readPath } from "./read-path.ts";
import { readPlacement } from "./read-placement.ts";
import { inspectService } from "./read-service.ts";
import { readSocket } from "./read-socket.ts";
import { readTimer } from "./read-timer.ts";
import { SectionReader } from "./section-reader.ts";
import { type MachineFacts, type SpecifierContext, specifierContext } from "./specifiers.ts";
import { type Entry, parseUnitFile, type UnitFile } from "./unit-file.ts";

/**
 * Checks a unit file as the unit `name` (a template's name is fine; `%i` is then empty). In order of lines.
 * `facts` are those of the machine, where it is known. Never throws.
 */
export function verifyUnit(
  name: string,
  text: string,
  facts: Partial<MachineFacts> = {},
): readonly Diagnostic[] {
  const file = parseUnitFile(text, name);
  const context = contextOf(name, facts);
  if (context instanceof FlotillaError) return [badName(name, context), ...file.diagnostics];
  if (text === "") return [masked(name)];
  const ofType = readByType(file, context);
  const sections = knownSections(context.unit).filter(
    (section) => file.hasSection(section) && !ofType.sections.includes(section),
  );
  return inOrder([
    ...ofKnownSections(file, context.unit),
    ...unknownSections(file, context.unit),
    ...unknownKeys(file, context.unit),
    ...checkOwnDependencies(file, context),
    ...sections.flatMap((section) => new SectionReader(file, section, context).diagnostics),
    ...(PLACEMENT.some((section) => file.hasSection(section)) ? readPlacement(file, name).diagnostics : []),
    ...checkTemplate(file, context.unit),
    ...ofType.diagnostics,
  ]);
}

function contextOf(name: string, facts: Partial<MachineFacts>): SpecifierContext | FlotillaError {
  try {
    return specifierContext(name, facts);
  } catch (error) {
    if (error instanceof FlotillaError) return error;
    throw error;
  }
}

function badName(name: string, error: FlotillaError): Diagnostic {
  const hint: Pick<ErrorDetails, "hint"> = error.hint === undefined ? {} : { hint: error.hint };
  return {
    severity: "error",
    code: "bad-unit-name",
    message: error.message,
    place: { file: name, line: 1, column: 1 },
    ...hint,
  };
}

/** An empty file stands for a unit that must not be started. */
function masked(name: string): Diagnostic {
  const place = { file: name, line: 1, column: 1 };
  return { severity: "warning", code: "masked", message: `Unit ${name} is masked.`, place };
}

/** What stands in a section that nobody reads cannot be wrong, except that it makes the file no unit file at all. */
function ofKnownSections(file: UnitFile, unit: UnitName): readonly Diagnostic[] {
  const known: readonly string[] = knownSections(unit);
  return file.diagnostics.filter(({ severity, place }) => {
    const section = file.headers.findLast(({ line }) => line <= place.line)?.name;
    return severity === "error" || section === undefined || known.includes(section);
  });
}

/** Sections that say where a unit may run. */
const PLACEMENT: readonly SectionName[] = ["X-Fleet", "X-Flotilla"];

interface ReadByType {
  readonly diagnostics: readonly Diagnostic[];
  /** Sections that have been read. */
  readonly sections: readonly SectionName[];
}

/** What only a reader of the type's own section as a whole can see. */
function readByType(file: UnitFile, context: SpecifierContext): ReadByType {
  const { suffix } = context.unit;
  const reader = READERS[suffix];
  const section = OWN_SECTION[suffix];
  if (reader === undefined || section === undefined) return { diagnostics: [], sections: [] };
  const found = reader(file, context).diagnostics.filter((one) => !file.diagnostics.includes(one));
  return { diagnostics: found, sections: suffix === "service" ? [section, "Unit"] : [section] };
}

type Reader = (file: UnitFile, context: SpecifierContext) => { readonly diagnostics: readonly Diagnostic[] };

const READERS: Partial<Record<UnitSuffix, Reader>> = {
  service: inspectService,
  timer: readTimer,
  socket: readSocket,
  path: readPath,
  mount: checkMount,
  automount: checkAutomount,
  swap: checkSwap,
};

function unknownSections(file: UnitFile, unit: UnitName): readonly Diagnostic[] {
  const known = knownSections(unit);
  return file.headers.flatMap((header) => {
    const { name } = header;
    if (known.some((section) => section === name) || name.startsWith("X-")) return [];
    return [
      {
        severity: "warning",
        code: "unknown-section",
        message: `Unknown section '${name}'. Ignoring.`,
        place: file.placeOfHeader(header),
        ...didYouMean(sectionMeant(name, known), (section) => `[${section}]`),
      },
    ];
  });
}

function knownSections(unit: UnitName): readonly SectionName[] {
  const own = OWN_SECTION[unit.suffix];
  return own === undefined ? COMMON_SECTIONS : [...COMMON_SECTIONS, own];
}

/** `[Fleet]` is `[X-Fleet]` with its prefix forgotten. */
function sectionMeant(name: string, known: readonly string[]): string | undefined {
  return known.find((section) => section === `X-${name}`) ?? nearest(name, known);
}

function unknownKeys(file: UnitFile, unit: UnitName): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const section of knownSections(unit)) {
    const rows = keysOf(section);
    for (const entry of file.entriesIn(section)) {
      const row = rows.get(entry.key);
      if (row?.notice !== undefined) found.push(obsoleteKey(file, entry, row.notice));
      else if (row === undefined && !entry.key.startsWith("X-")) found.push(unknownKey(file, entry, section));
    }
  }
  return found;
}

function obsoleteKey(file: UnitFile, entry: Entry, notice: string): Diagnostic {
  return { ...about(file, entry), code: "obsolete-key", message: notice.replaceAll("%k", entry.key) };
}

function unknownKey(file: UnitFile, entry: Entry, section: SectionName): Diagnostic {
  const message = `Unknown key '${entry.key}' in section [${section}], ignoring.`;
  return { ...about(file, entry), code: "unknown-key", message, ...keyHint(entry.key, section) };
}

/** A key that is right in another section has most likely been put in the wrong one. */
function keyHint(key: string, section: SectionName): Pick<Diagnostic, "hint"> {
  const elsewhere = Object.keys(SECTIONS).find(
    (other) => other !== section && findKey(other, key) !== undefined,
  );
  if (elsewhere !== undefined) return { hint: `${key}= belongs in [${elsewhere}]` };
  return didYouMean(nearest(key, keysOf(section).keys()), (name) => `${name}=`);
}

function didYouMean(meant: string | undefined, show: (name: string) => string): Pick<Diagnostic, "hint"> {
  return meant === undefined ? {} : { hint: `did you mean ${show(meant)}?` };
}

function about(file: UnitFile, entry: Entry): Pick<Diagnostic, "severity" | "place"> {
  return { severity: "warning", place: file.placeOf(entry) };
}
