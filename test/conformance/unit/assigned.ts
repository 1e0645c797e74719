/** What a key comes to in a unit file, as text, for comparing files with one another. */
import { findKey } from "#unit/keys.ts";
import type { UnitFile } from "#unit/unit-file.ts";

/** Values of a key in order. An empty assignment forgets those before it, unless the key table says otherwise. */
export function assignedValues(file: UnitFile, section: string, key: string): readonly string[] {
  const values = file.entriesOf(section, key).map((entry) => entry.value);
  if (findKey(section, key)?.merge === "additive") return values.filter((value) => value !== "");
  return values.slice(values.lastIndexOf("") + 1);
}
