/**
 * The boots of this machine in their order, which no clock can tell: one line each in a file of the journal's directory.
 * With a boot's place in it and the time since that boot, entries are ordered whatever the clock did.
 */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";

/** Older ones are forgotten; their entries, if any are left, count as older than all others. */
const KEPT = 1000;

export class Boots {
  readonly #ids: readonly string[];
  readonly #ranks: ReadonlyMap<string, number>;

  /** Notes this boot, by its ID of 32 hex digits, in the file; a full disk leaves it unnoted until the next start. */
  constructor(path: string, current: string) {
    const known = readLines(path).filter((id) => /^[0-9a-f]{32}$/.test(id));
    const ids = known.at(-1) === current ? known : [...known.filter((id) => id !== current), current];
    if (ids !== known) note(path, ids);
    this.#ids = ids;
    this.#ranks = new Map(ids.map((id, rank) => [id, rank]));
  }

  /** Grows with time; -1 for a boot that is not known. */
  rank(id: string): number {
    return this.#ranks.get(id) ?? -1;
  }

  /** The ID that journalctl's `-b` means by an ID or an offset; undefined when there is no such boot. */
  resolve(wanted: string): string | undefined {
    const id = wanted.replaceAll("-", "");
    if (/^[0-9a-f]{32}$/.test(id)) return id;
    if (!/^[+-]?\d{1,6}$/.test(wanted)) return undefined;
    const offset = Number(wanted);
    return this.#ids[offset > 0 ? offset - 1 : this.#ids.length - 1 + offset];
  }
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}

function note(path: string, ids: readonly string[]): void {
  try {
    if (ids.length > KEPT) writeFileSync(path, `${ids.slice(-KEPT / 2).join("\n")}\n`, { mode: 0o600 });
    else appendFileSync(path, `${ids.at(-1)}\n`, { mode: 0o600 });
  } catch {
    // Entries of this boot are ordered by this process all the same.
  }
}
