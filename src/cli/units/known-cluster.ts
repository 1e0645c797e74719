/** What the cluster knows that helps to judge a unit file: which units there are, and what machines do not enforce. */
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext } from "../command.ts";

export interface KnownCluster {
  /** Every submitted unit and template. */
  readonly units: ReadonlySet<string>;
  /** By the machine's name. */
  readonly notEnforced: ReadonlyMap<string, readonly string[]>;
}

/** A check of files does not wait longer for a daemon that may not be there. */
const PATIENCE_MS = 2000;

/** Undefined when no daemon answers: files can be checked without one. */
export async function askCluster({ client, io }: CommandContext): Promise<KnownCluster | undefined> {
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const api = await client();
    const [{ unitFiles }, { machines }] = await Promise.all([api.unitFiles(signal), api.machines(signal)]);
    return {
      units: new Set(unitFiles.map(({ unit }) => unit)),
      notEnforced: new Map(machines.map(({ name, notEnforced }) => [name, notEnforced])),
    };
  } catch (error) {
    if (error instanceof FlotillaError || signal.aborted) return undefined;
    throw error;
  }
}
