/** Unit files as fleet sends them: a list of options, written out and read back in the form of its own. Pure. */
import { parseUnitFile } from "#unit/unit-file.ts";

export interface UnitOption {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

/**
 * The text that fleet makes of options, which its hash is taken of: options in the order given, grouped by section,
 * sections in order of first appearance with an empty line between them.
 */
export function textOfOptions(options: readonly UnitOption[]): string {
  const sections = Map.groupBy(options, ({ section }) => section);
  const texts = [...sections].map(([section, members]) =>
    [`[${section}]`, ...members.map(({ name, value }) => `${name}=${value}`), ""].join("\n"),
  );
  return texts.join("\n");
}

/**
 * The options that fleetctl reads from a file of this text. Comments are lost; a value that goes on over several lines
 * keeps their ends and backslashes.
 */
export function optionsOfText(text: string): readonly UnitOption[] {
  const file = parseUnitFile(text);
  return file.entries.map((entry) => {
    const raw = file.rawOf(entry);
    return { section: entry.section, name: entry.key, value: raw.slice(raw.indexOf("=") + 1).trim() };
  });
}
