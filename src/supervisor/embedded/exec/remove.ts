/**
 * Removing what a run has left. What cannot be removed stays, and is told of: it may belong to others, be mounted or on a
 * disk that can only be read, and none of that may end the supervisor.
 */
import { rmSync } from "node:fs";

/** Removes files and whole directories, those that are there; answers a sentence for each that had to stay. */
export function removeTrees(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    try {
      rmSync(path, { recursive: true, force: true });
      return [];
    } catch (error) {
      return [`cannot remove ${path}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}
