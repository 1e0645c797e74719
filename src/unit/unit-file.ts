/**
 * The text of a unit file as a list of statements that lose nothing of it.
 *
 * This file owns the syntax of systemd.syntax(7): lines, comments, continuations, sections, `Key=value`. What sections
 * and keys mean is the key table's (keys.ts) and the readers' business. Invariants: `print()` is the text that was parsed,
 * to the byte; parsing never throws, what is wrong is in `diagnostics`.
 */
import type { Place } from "#base/errors.ts";
import type { Diagnostic, Severity } from "./diagnostic.ts";
import { lineStop, splitLines } from "./lines.ts";
import { firstNonBlank, strip, takeLogicalLine } from "./logical-line.ts";
import { skipBlanks } from "./words.ts";

/** Where a statement stands; it may span several physical lines, whose ends are part of it. */
export interface Span {
  /** Number of its first line, from 1. */
  readonly line: number;
  /** Index in the file's text. */
  readonly start: number;
  /** Index behind it. */
  readonly end: number;
}

/** One `Key=value` in a section. */
export interface Entry extends Span {
  readonly kind: "assignment";
  readonly section: string;
  readonly key: string;
  /** Continuation lines joined, blanks at both ends removed. */
  readonly value: string;
}

/** The header of a section. */
export interface SectionHeader extends Span {
  readonly kind: "section";
  readonly name: string;
}

/** What means nothing, or cannot. */
interface Filler extends Span {
  readonly kind: "blank" | "comment" | "junk";
}

export type Statement = Entry | SectionHeader | Filler;

const BOM = "\uFEFF";
/** systemd refuses a file with a longer line, joined continuations included. */
const LONGEST_LINE = 1024 * 1024;

export class UnitFile {
  /** Name or path of the file, as it stands in places. */
  readonly file: string;
  readonly statements: readonly Statement[];
  readonly headers: readonly SectionHeader[];
  /** All assignments in sections, in order. */
  readonly entries: readonly Entry[];
  /** What is wrong with the syntax. */
  readonly diagnostics: readonly Diagnostic[];
  readonly #text: string;
  readonly #bySection: ReadonlyMap<string, readonly Entry[]>;

  constructor(file: string, text: string, parsed: ParsedText) {
    this.file = file;
    this.#text = text;
    this.statements = parsed.statements;
    this.headers = parsed.headers;
    this.entries = parsed.entries;
    this.#bySection = parsed.bySection;
    this.diagnostics = parsed.faults.map(({ at, ...fault }) => ({ ...fault, place: this.placeOf(at) }));
  }

  /** All assignments in a section, in order. */
  entriesIn(section: string): readonly Entry[] {
    return this.#bySection.get(section) ?? [];
  }

  /** Names of the sections in order of first appearance; a section that stands twice is one. */
  get sections(): readonly string[] {
    return [...this.#bySection.keys()];
  }

  hasSection(section: string): boolean {
    return this.#bySection.has(section);
  }

  /** Every assignment of a key in order, also empty ones; what an empty one resets is the key table's to say. */
  entriesOf(section: string, key: string): readonly Entry[] {
    return this.entriesIn(section).filter((entry) => entry.key === key);
  }

  /** The last value of a key, or undefined when there is none or it was emptied. */
  last(section: string, key: string): string | undefined {
    const value = this.entriesOf(section, key).at(-1)?.value;
    return value === "" ? undefined : value;
  }

  /** All physical lines of a statement, as they stand in the file. */
  rawOf({ start, end }: Span): string {
    return this.#text.slice(start, end);
  }

  /** Where a statement begins: for an entry where its key stands. */
  placeOf({ line, start }: Span): Place {
    const source = this.#lineAt(start);
    const column = source.length - source.trimStart().length + 1;
    return { file: this.file, line, column, source };
  }

  /** Where the value stands, or `part` of it, which may be on a later physical line. */
  placeOfValue(entry: Entry, part?: string): Place {
    const raw = this.rawOf(entry);
    const behind = raw.indexOf("=") + 1;
    const found = part === undefined || part === "" ? -1 : raw.indexOf(part, behind);
    let before = found >= 0 ? found : skipBlanks(raw, behind);
    let line = entry.line;
    for (const { text, end } of splitLines(raw)) {
      if (before < text.length) return { file: this.file, line, column: before + 1, source: text };
      before -= text.length + end.length;
      line++;
    }
    return this.placeOf(entry);
  }

  /** The first header of a section, or the file's beginning when there is none. */
  placeOfSection(section: string): Place {
    const header = this.headers.find(({ name }) => name === section);
    return header === undefined ? { file: this.file, line: 1, column: 1 } : this.placeOfHeader(header);
  }

  placeOfHeader({ line, start }: SectionHeader): Place {
    return { file: this.file, line, column: 1, source: this.#lineAt(start) };
  }

  /** The text that was parsed. */
  print(): string {
    return bomOf(this.#text) + this.statements.map((statement) => this.rawOf(statement)).join("");
  }

  #lineAt(start: number): string {
    return this.#text.slice(start, lineStop(this.#text, start));
  }
}

/** Parses any text; `file` is its name in places of diagnostics. */
export function parseUnitFile(text: string, file = "unit file"): UnitFile {
  const parser = new Parser();
  let line = 1;
  for (let start = bomOf(text).length; start < text.length; ) {
    const logical = takeLogicalLine(text, start);
    parser.take(logical.text, { line, start, end: logical.end });
    start = logical.end;
    line += logical.count;
  }
  return new UnitFile(file, text, parser);
}

function bomOf(text: string): string {
  return text.startsWith(BOM) ? BOM : "";
}

/** What is wrong with the syntax of a statement. */
interface Fault {
  readonly severity: Severity;
  readonly code: "syntax";
  readonly message: string;
  readonly hint?: string;
  readonly at: Span;
}

interface ParsedText {
  readonly statements: readonly Statement[];
  readonly headers: readonly SectionHeader[];
  readonly entries: readonly Entry[];
  readonly bySection: ReadonlyMap<string, readonly Entry[]>;
  readonly faults: readonly Fault[];
}

/** Turns logical lines into statements; what it must remember is the section it is in. */
class Parser implements ParsedText {
  readonly statements: Statement[] = [];
  readonly headers: SectionHeader[] = [];
  readonly entries: Entry[] = [];
  readonly bySection = new Map<string, Entry[]>();
  readonly faults: Fault[] = [];
  /** The section that the lines are in, and its entries so far. */
  #section: { readonly name: string; readonly entries: Entry[] } | undefined;
  /** After a header that is none, nothing is known about the lines up to the next one. */
  #lost = false;

  /** `text` is what systemd sees of the line at `at`. */
  take(text: string, at: Span): void {
    this.statements.push(this.#read(text, at));
  }

  #read(text: string, at: Span): Statement {
    if (text.length > LONGEST_LINE) {
      return this.#refuse(at, "error", `The line is longer than ${LONGEST_LINE} characters.`);
    }
    switch (text.charAt(firstNonBlank(text))) {
      case "":
        return { kind: "blank", ...at };
      case "#":
      case ";":
        return { kind: "comment", ...at };
      case "[":
        return this.#readHeader(strip(text), at);
      default:
        return this.#lost ? { kind: "junk", ...at } : this.#readAssignment(text, at);
    }
  }

  #readHeader(text: string, at: Span): Statement {
    this.#lost = !text.endsWith("]");
    if (this.#lost) {
      const hint = 'A section header ends in "]".';
      return this.#refuse(at, "error", `Invalid section header '${text}'`, hint);
    }
    const name = text.slice(1, -1);
    const entries = this.bySection.get(name) ?? [];
    this.bySection.set(name, entries);
    this.#section = { name, entries };
    const header: SectionHeader = { kind: "section", name, ...at };
    this.headers.push(header);
    return header;
  }

  /** Complaints are in systemd's words. */
  #readAssignment(text: string, at: Span): Statement {
    if (this.#section === undefined)
      return this.#refuse(at, "warning", "Assignment outside of section. Ignoring.");
    const equals = text.indexOf("=");
    if (equals < 0) return this.#refuse(at, "warning", "Missing '=', ignoring line.");
    const key = strip(text, 0, equals);
    if (key === "") return this.#refuse(at, "warning", "Missing key name before '=', ignoring line.");
    const value = strip(text, equals + 1);
    const { name: section, entries } = this.#section;
    const { line, start, end } = at;
    const entry: Entry = { kind: "assignment", section, key, value, line, start, end };
    this.entries.push(entry);
    entries.push(entry);
    return entry;
  }

  #refuse(at: Span, severity: Severity, message: string, hint?: string): Filler {
    const fault: Fault = { severity, code: "syntax", message, at };
    this.faults.push(hint === undefined ? fault : { ...fault, hint });
    return { kind: "junk", ...at };
  }
}
