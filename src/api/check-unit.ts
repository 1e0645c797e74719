/** A unit file that comes in, checked before it is stored. */
import { createHash } from "node:crypto";
import { LIMITS } from "#model/limits.ts";
import { decodeUnitFile } from "#unit/decode.ts";
import { type Diagnostic, hasErrors, toError } from "#unit/diagnostic.ts";
import { verifyUnit } from "#unit/verify.ts";
import type { VerifyResult, WarningBody } from "./bodies.ts";
import type { CheckedFile } from "./unit-decisions.ts";

export interface CheckedUnit {
  readonly file: CheckedFile;
  readonly warnings: WarningBody[];
}

/** @throws FlotillaError `unit-too-large`, `bad-unit-file` or `contradictory-options`, with the place in the file */
export function checkUnitFile(unit: string, text: string): CheckedUnit {
  const diagnostics = diagnose(unit, text);
  if (hasErrors(diagnostics)) throw toError(diagnostics, unit);
  const hash = createHash("sha256").update(text).digest("hex");
  return { file: { hash, text }, warnings: warningsOf(diagnostics) };
}

/** Everything that can be said of a unit file. */
export function verifyText(unit: string, text: string): VerifyResult {
  const diagnostics = diagnose(unit, text);
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  return {
    errors: errors.map((error) => toError([error], unit).toJSON()),
    warnings: warningsOf(diagnostics),
  };
}

function diagnose(unit: string, text: string): readonly Diagnostic[] {
  const { diagnostics } = decodeUnitFile(new TextEncoder().encode(text), LIMITS.unitFileBytes, unit);
  return hasErrors(diagnostics) ? diagnostics : verifyUnit(unit, text);
}

function warningsOf(diagnostics: readonly Diagnostic[]): WarningBody[] {
  return diagnostics
    .filter(({ severity }) => severity === "warning")
    .map(({ message, place, hint }) => ({ message, place, ...(hint === undefined ? {} : { hint }) }));
}
