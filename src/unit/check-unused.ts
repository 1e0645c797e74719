/** Settings that systemd drops when it has read the whole unit, with its words. */
import type { Diagnostic } from "./diagnostic.ts";
import { SectionReader } from "./section-reader.ts";
import type { SpecifierContext } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";

/** Dependencies of a unit on itself that are worth a word; the others are dropped in silence. */
const ON_ITSELF = ["Conflicts", "Before", "After", "OnSuccess", "OnFailure"] as const;

export function checkOwnDependencies(file: UnitFile, context: SpecifierContext): readonly Diagnostic[] {
  const { full: name, prefix } = context.unit;
  const isSuspect = file
    .entriesIn("Unit")
    .some(
      ({ key, value }) =>
        ON_ITSELF.some((own) => own === key) && (value.includes(prefix) || value.includes("%")),
    );
  if (!isSuspect) return [];
  const unit = new SectionReader(file, "Unit", context);
  return ON_ITSELF.flatMap((key) =>
    unit
      .located(key)
      .filter(({ value }) => value.includes(name))
      .slice(0, 1)
      .map(({ entry }) => dropped(`Dependency ${key}=${name} is dropped.`, file, entry)),
  );
}

/** Settings of a service that do nothing without another one. */
const PAIRS = [
  ["RuntimeRandomizedExtraSec", "RuntimeMaxSec"],
  ["USBFunctionDescriptors", "USBFunctionStrings"],
  ["USBFunctionStrings", "USBFunctionDescriptors"],
] as const;

export function checkPairs(file: UnitFile, service: SectionReader<"Service">): readonly Diagnostic[] {
  return PAIRS.flatMap(([key, other]) => {
    const located = service.located(key).at(-1);
    if (!isSet(located?.value) || isSet(service.last(other)) || located === undefined) return [];
    return [dropped(`Service has ${key}= setting, but no ${other}=. Ignoring.`, file, located.entry)];
  });
}

function isSet(value: number | string | undefined): boolean {
  return value !== undefined && value !== "" && value !== 0 && value !== Number.POSITIVE_INFINITY;
}

function dropped(message: string, file: UnitFile, entry: Parameters<UnitFile["placeOf"]>[0]): Diagnostic {
  return { severity: "warning", code: "bad-combination", message, place: file.placeOf(entry) };
}
