/** A unit file that comes in, checked before it is stored. */
import { createHash } from "node:crypto";
import { FlotillaError, toFlotillaError } from "#base/errors.ts";
import { LIMITS } from "#model/limits.ts";
import type { UnitResult, VerifyResult } from "./bodies.ts";
import type { CheckedFile } from "./unit-decisions.ts";

export interface CheckedUnit {
  readonly file: CheckedFile;
  readonly warnings: UnitResult["warnings"];
}

/** @throws FlotillaError `unit-too-large`, `bad-unit-file` or `contradictory-options`, with the place in the file */
export function checkUnitFile(unit: string, text: string): CheckedUnit {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > LIMITS.unitFileBytes) {
    throw new FlotillaError(
      "unit-too-large",
      `${unit} has ${bytes.length} bytes, the limit is ${LIMITS.unitFileBytes}`,
    );
  }
  const hash = createHash("sha256").update(bytes).digest("hex");
  return { file: { hash, text }, warnings: [] };
}

/** Everything that can be said of a unit file. */
export function verifyText(unit: string, text: string): VerifyResult {
  try {
    return { errors: [], warnings: checkUnitFile(unit, text).warnings };
  } catch (error) {
    const { causes, ...rest } = toFlotillaError(error).toJSON();
    return { errors: [{ ...rest, causes: [...causes] }], warnings: [] };
  }
}
