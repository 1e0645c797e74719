/** A unit that is not there, with the name that was probably meant. */
import { type ErrorBody, FlotillaError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import type { FlotillaClient } from "#client/client.ts";

/** The same error; for a unit that is not found, with the nearest submitted name as its hint. */
export async function withNearName(
  error: ErrorBody,
  unit: string,
  client: FlotillaClient,
): Promise<ErrorBody> {
  if (error.code !== "unit-not-found") return error;
  try {
    const { unitFiles } = await client.unitFiles();
    const stems = new Map(unitFiles.map((file) => [stemOf(file.unit), file.unit]));
    const near = stems.get(nearest(stemOf(unit), stems.keys()) ?? "");
    return near === undefined ? error : { ...error, hint: `did you mean ${near}?` };
  } catch {
    // The name is a courtesy; the error that is shown is the one that happened.
    return error;
  }
}

/** Without the suffix, which would make any two short names look alike. */
function stemOf(unit: string): string {
  return unit.slice(0, unit.lastIndexOf("."));
}

/** What `ask` resolves to; a `unit-not-found` it rejects with gets the nearest name. */
export async function askAboutUnit<T>(
  unit: string,
  client: FlotillaClient,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof FlotillaError) || error.code !== "unit-not-found") throw error;
    const { code, message, hint } = await withNearName(error.toJSON(), unit, client);
    throw new FlotillaError(code, message, hint === undefined ? {} : { hint });
  }
}
