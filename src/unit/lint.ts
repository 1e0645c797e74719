/**
 * Traps in unit files that are no mistakes to systemd: lines that are allowed and do not do what they seem to.
 *
 * The rules are in lint/, one concern a file; each has a name that stays and is what a person can look up. A rule is a
 * pure function over a unit file and what is known of the machine; it never refuses anything.
 */
import type { Place } from "#base/errors.ts";
import { FlotillaError } from "#base/errors.ts";
import { COMMAND_LINTS } from "./lint/commands.ts";
import { DEPENDENCY_LINTS } from "./lint/dependencies.ts";
import type { Lint, LintFacts } from "./lint/lint-rule.ts";
import { LintSubject } from "./lint/lint-subject.ts";
import { MACHINE_LINTS } from "./lint/machine.ts";
import { SERVICE_LINTS } from "./lint/service.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

export type { LintFacts } from "./lint/lint-rule.ts";

export const LINTS: readonly Lint[] = [
  ...COMMAND_LINTS,
  ...DEPENDENCY_LINTS,
  ...SERVICE_LINTS,
  ...MACHINE_LINTS,
];

/** One trap that a unit file walks into. */
export interface LintFinding {
  readonly lint: string;
  readonly message: string;
  readonly place: Place;
  readonly hint: string;
}

/** In order of lines. Nothing for a name that is none: that is the verifier's to say. */
export function lintUnit(name: string, text: string, facts: LintFacts = {}): readonly LintFinding[] {
  const subject = subjectOf(name, text, facts);
  if (subject === undefined) return [];
  return LINTS.flatMap(({ name: lint, find }) =>
    find(subject).map(({ entry, part, message, hint }) => ({
      lint,
      message,
      place: subject.placeOf(entry, part),
      hint,
    })),
  ).sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
}

function subjectOf(name: string, text: string, facts: LintFacts): LintSubject | undefined {
  try {
    return new LintSubject(parseUnitFile(text, name), specifierContext(name), facts);
  } catch (error) {
    if (error instanceof FlotillaError) return undefined;
    throw error;
  }
}
