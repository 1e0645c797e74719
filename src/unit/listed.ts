/** The lists of [Socket], [Path] and [Timer], in which an empty assignment of one key forgets those of all the others. */

import type { SectionName } from "./keys.ts";
import type { Located } from "./section-reader.ts";
import type { UnitFile } from "./unit-file.ts";

/** A section whose listing keys make up one list. */
type ListingSection = Extract<SectionName, "Socket" | "Path" | "Timer">;

/** One value of the list and the key it was given by. */
export interface Listed<K, T> {
  readonly key: K;
  readonly value: T;
}

/** Values of all the keys in the order of their lines, behind the last empty one of any of them. */
export function listInOrder<K extends string, T>(
  file: UnitFile,
  section: ListingSection,
  keys: readonly K[],
  located: (key: K) => readonly Located<T>[],
): readonly Listed<K, T>[] {
  const { entries } = file;
  const isOne = (key: string): boolean => keys.some((other) => other === key);
  const reset = entries.findLastIndex(
    (entry) => entry.section === section && isOne(entry.key) && entry.value === "",
  );
  return keys
    .flatMap((key) => located(key).map(({ value, entry }) => ({ key, value, at: entries.indexOf(entry) })))
    .filter(({ at }) => at > reset)
    .sort((a, b) => a.at - b.at)
    .map(({ key, value }) => ({ key, value }));
}
