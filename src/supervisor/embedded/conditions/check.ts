/** One kind of condition tried on this machine, and reading what it asks about. */
import { readFileSync } from "node:fs";

/** Undefined or an exception: it cannot be told, so that neither the condition nor its negation holds. */
export type CheckMachine = (argument: string) => boolean | undefined;

/** Empty for a file that is not there. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
