/** The journals of several machines: which there are, and what becomes of one that goes away. */
import type { JournalLine, JournalWish } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";

export interface Machine {
  readonly id: string;
  readonly name: string;
}

/** The machines that are present, or the one that is named by ID, prefix or name. */
export async function machinesToRead(
  client: FlotillaClient,
  named: string | undefined,
  signal: AbortSignal,
): Promise<readonly Machine[]> {
  if (named !== undefined) return [{ id: named, name: named }];
  const { machines } = await client.machines(signal);
  return machines.map(({ machine, name }) => ({ id: machine, name }));
}

/** True for the failures that are one machine's, while the others can go on. */
export function isAway(error: unknown): error is FlotillaError {
  if (!(error instanceof FlotillaError)) return false;
  return error.code === "machine-gone" || error.code === "machine-not-found";
}

/** The lines of a machine; where it does not answer any more, `away` is told and the lines end. */
export async function* linesWhileThere(
  client: FlotillaClient,
  machine: Machine,
  wish: JournalWish,
  signal: AbortSignal,
  away: (machine: Machine) => void,
): AsyncGenerator<JournalLine, void> {
  try {
    yield* client.machineJournal(machine.id, wish, signal);
  } catch (error) {
    if (!isAway(error)) throw error;
    away(machine);
  }
}
