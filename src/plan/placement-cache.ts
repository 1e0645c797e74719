/** Unit files are immutable, so what one says about placement is read once and kept. */
import type { Placement } from "#unit/placement.ts";

/** Reads a unit file's text; undefined when it cannot be read. The unit's name matters, as specifiers expand to it. */
export type PlacementReader = (unit: string, text: string) => Placement | undefined;

export interface PlacementCache {
  /** Placement of `unit` by the file of this hash; `files` is asked for the text where it is not known yet. */
  placementOf(files: ReadonlyMap<string, string>, unit: string, hash: string): Placement | undefined;
}

/** Twice as many as a cluster may have units, so that a change of every file at once still fits. */
const DEFAULT_LIMIT = 200_000;

/**
 * A cache over `read` that keeps at most `limit` entries and drops the one that came first. A file that is missing is
 * not remembered, since it may still arrive; one that cannot be read is, since it never changes.
 */
export function createPlacementCache(read: PlacementReader, limit: number = DEFAULT_LIMIT): PlacementCache {
  const known = new Map<string, Placement | undefined>();
  return {
    placementOf(files, unit, hash) {
      const key = `${hash} ${unit}`;
      if (known.has(key)) return known.get(key);
      const text = files.get(hash);
      if (text === undefined) return undefined;
      const placement = read(unit, text);
      const [oldest] = known.keys();
      if (known.size >= limit && oldest !== undefined) known.delete(oldest);
      known.set(key, placement);
      return placement;
    },
  };
}
