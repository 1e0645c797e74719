/** What is wrong with units before they are sent anywhere, with places in the files that the person knows. */
import type { ErrorBody } from "#base/errors.ts";
import { type Diagnostic, toError } from "#unit/diagnostic.ts";
import { verifyUnit } from "#unit/verify.ts";
import type { Warning } from "../terminal/show-error.ts";
import type { UnitSource } from "./unit-sources.ts";

export interface CheckedSource {
  readonly errors: readonly ErrorBody[];
  readonly warnings: readonly Warning[];
}

/** Nothing is wrong with a unit of which there is no file here. */
export function checkSource(source: UnitSource): CheckedSource {
  const text = textOf(source);
  if (text === undefined) return { errors: [], warnings: [] };
  const found = [...verifyUnit(source.unit, text).map((one) => located(one, source)), ...brokenParts(source)];
  return {
    errors: found.filter(isError).map((one) => toError([one], one.place.file).toJSON()),
    warnings: found.filter((one) => !isError(one)).map(toWarning),
  };
}

/** Undefined for a unit that only the cluster may know. */
export function textOf({ text, templateText }: UnitSource): string | undefined {
  return text ?? templateText;
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

function brokenParts({ file }: UnitSource): readonly Diagnostic[] {
  return file?.diagnostics ?? [];
}

function located(diagnostic: Diagnostic, { file }: UnitSource): Diagnostic {
  return file === undefined ? diagnostic : { ...diagnostic, place: file.locate(diagnostic.place) };
}

function toWarning({ message, place, hint }: Diagnostic): Warning {
  return { message, place, ...(hint === undefined ? {} : { hint }) };
}
