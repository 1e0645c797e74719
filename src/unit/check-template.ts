/** What a unit says about instances although it has none: legal, without effect, and mostly a forgotten `@`. */
import type { Diagnostic } from "./diagnostic.ts";
import type { UnitName } from "./name.ts";
import type { Entry, UnitFile } from "./unit-file.ts";

/** `%i` or `%I` that is not the tail of `%%i`. */
const INSTANCE_SPECIFIER = /(?:^|[^%])(?:%%)*%[iI]/;

/** Options that are about the instances of one template. */
const INSTANCE_OPTIONS = ["Spread", "MaxPerMachine"];

/** Warnings about a unit that is neither a template nor an instance. */
export function checkTemplate(file: UnitFile, unit: UnitName): readonly Diagnostic[] {
  if (unit.isTemplate || unit.isInstance) return [];
  const template = `${unit.prefix}@.${unit.suffix}`;
  return file.entries.flatMap((entry) => {
    const message = complaint(entry, unit.full);
    if (message === undefined) return [];
    const place = file.placeOf(entry);
    return [
      { severity: "warning", code: "no-effect", message, place, hint: `a template is called ${template}` },
    ];
  });
}

function complaint({ section, key, value }: Entry, name: string): string | undefined {
  if (section === "X-Flotilla" && INSTANCE_OPTIONS.includes(key)) {
    return `${key}= has no effect: ${name} is no instance of a template`;
  }
  return INSTANCE_SPECIFIER.test(value) ? `%i is empty: ${name} is no instance of a template` : undefined;
}
