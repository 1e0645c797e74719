/** How long the stop of a unit may take, by its file, if each part of it takes all the time it is given. */
import { parseUnitName } from "./name.ts";
import { readService } from "./read-service.ts";
import { specifierContext } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";

/**
 * Milliseconds until the last process is killed at the latest: each command of ExecStop= and ExecStopPost=, and what is
 * signalled between them, has TimeoutStopSec=. Units that have no processes of their own stop at once. Infinity where
 * there is no such time.
 */
export function longestStopMs(file: UnitFile, unitName: string): number {
  if (parseUnitName(unitName).suffix !== "service") return 0;
  const { settings } = readService(file, specifierContext(unitName));
  if (settings === undefined) return 0;
  const { timeoutStopMs, execStop, execStopPost } = settings;
  return timeoutStopMs * (1 + execStop.length + execStopPost.length);
}
