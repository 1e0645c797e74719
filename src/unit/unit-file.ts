/**
 * The text of a unit file as a list of statements that lose nothing of it.
 *
 * This file owns the syntax of systemd.syntax(7): lines, comments, continuations, sections, `Key=value`. What sections
 * and keys mean is the key table's (keys.ts) and the readers' business. Invariants: `print()` is the text that was parsed,
 * to the byte; parsing never throws, what is wrong is in `diagnostics`.
 */
import type { Place } from "#base/errors.ts";
import type { Diagnostic, Severity } from "./diagnostic.ts";
import { type PhysicalLine, splitLines } from "./lines.ts";
import { skipBlanks } from "./words.ts";

/** One `Key=value` in a section; line and column count from 1 and are those of the key. */
export interface Entry {
  readonly section: string;
  readonly key: string;
  /** Continuation lines joined, blanks at both ends removed. */
  readonly value: string;
  readonly line: number;
  readonly column: number;
  /** The physical line the key stands on. */
  readonly source: string;
  /** All physical lines of the assignment, as they stand in the file. */
  readonly raw: string;
}

/** A header or an assignment may span several physical lines; `raw` is all of them with their ends. */
export interface Statement {
  readonly kind: "blank" | "comment" | "section" | "assignment" | "junk";
  readonly raw: string;
  readonly line: number;
  readonly entry?: Entry;
  /** For `section`: the name in brackets. */
  readonly section?: string;
}

/** A section's header and where it stands. */
export interface SectionHeader {
  readonly name: string;
  readonly line: number;
  readonly source: string;
}

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
  readonly #bom: string;
  /** Made when it is first asked for. */
  #bySection: ReadonlyMap<string, readonly Entry[]> | undefined;

  constructor(file: string, bom: string, parsed: ParsedStatements) {
    this.file = file;
    this.#bom = bom;
    this.statements = parsed.statements;
    this.headers = parsed.headers;
    this.diagnostics = parsed.diagnostics;
    this.entries = parsed.statements.flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
  }

  /** All assignments in a section, in order. */
  entriesIn(section: string): readonly Entry[] {
    this.#bySection ??= Map.groupBy(this.entries, (entry) => entry.section);
    return this.#bySection.get(section) ?? [];
  }

  /** Names of the sections in order of first appearance; a section that stands twice is one. */
  get sections(): readonly string[] {
    return [...new Set(this.headers.map((header) => header.name))];
  }

  hasSection(section: string): boolean {
    return this.headers.some((header) => header.name === section);
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

  /** Where the key stands. */
  placeOf(entry: Entry): Place {
    return { file: this.file, line: entry.line, column: entry.column, source: entry.source };
  }

  /** Where the value stands, or `part` of it, which may be on a later physical line. */
  placeOfValue(entry: Entry, part?: string): Place {
    const behind = entry.raw.indexOf("=") + 1;
    const found = part === undefined || part === "" ? -1 : entry.raw.indexOf(part, behind);
    let before = found >= 0 ? found : skipBlanks(entry.raw, behind);
    let line = entry.line;
    if (before < entry.source.length) {
      return { file: this.file, line, column: before + 1, source: entry.source };
    }
    for (const { text, end } of splitLines(entry.raw)) {
      if (before < text.length) return { file: this.file, line, column: before + 1, source: text };
      before -= text.length + end.length;
      line++;
    }
    return this.placeOf(entry);
  }

  /** The first header of a section, or the file's beginning when there is none. */
  placeOfSection(section: string): Place {
    const header = this.headers.find(({ name }) => name === section);
    if (header === undefined) return { file: this.file, line: 1, column: 1 };
    return { file: this.file, line: header.line, column: 1, source: header.source };
  }

  /** The text that was parsed. */
  print(): string {
    return this.#bom + this.statements.map((statement) => statement.raw).join("");
  }
}

/** Parses any text; `file` is its name in places of diagnostics. */
export function parseUnitFile(text: string, file = "unit file"): UnitFile {
  const bom = text.startsWith(BOM) ? BOM : "";
  const parser = new Parser(file);
  for (const logical of joinLines(splitLines(text.slice(bom.length)))) parser.take(logical);
  return new UnitFile(file, bom, parser);
}

interface ParsedStatements {
  readonly statements: readonly Statement[];
  readonly headers: readonly SectionHeader[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Physical lines that are one statement: `text` is what systemd sees of them. */
interface LogicalLine {
  readonly kind: "blank" | "comment" | "statement";
  readonly text: string;
  readonly raw: string;
  readonly line: number;
  readonly source: string;
}

/**
 * Joins continuations. A comment inside one is left out and the continuation goes on; an empty line ends it. Each
 * joining backslash becomes one space.
 */
function* joinLines(lines: readonly PhysicalLine[]): Generator<LogicalLine> {
  let pending: LogicalLine | undefined;
  for (const [index, { text, end }] of lines.entries()) {
    const line = index + 1;
    const kind = kindOf(text);
    if (kind === "comment" && pending !== undefined) {
      pending = { ...pending, raw: pending.raw + text + end };
      continue;
    }
    if (kind !== "statement" && pending === undefined) {
      yield { kind, text, raw: text + end, line, source: text };
      continue;
    }
    const before: LogicalLine = pending ?? { kind: "statement", text: "", raw: "", line, source: text };
    const joined = before.text + text;
    if (continues(joined)) {
      pending = { ...before, text: `${joined.slice(0, -1)} `, raw: before.raw + text + end };
    } else {
      pending = undefined;
      yield { ...before, text: joined, raw: before.raw + text + end };
    }
  }
  if (pending !== undefined) yield pending;
}

function kindOf(text: string): LogicalLine["kind"] {
  const first = strip(text)[0];
  if (first === undefined) return "blank";
  return first === "#" || first === ";" ? "comment" : "statement";
}

/** True when the last backslash of the text is not escaped by one before it. */
function continues(text: string): boolean {
  let count = 0;
  while (text[text.length - 1 - count] === "\\") count++;
  return count % 2 === 1;
}

function strip(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** A space, a tab, a newline or a carriage return. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

/** Turns logical lines into statements; what it must remember is the section it is in. */
class Parser implements ParsedStatements {
  readonly statements: Statement[] = [];
  readonly headers: SectionHeader[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly #file: string;
  #section: string | undefined;
  /** After a header that is none, nothing is known about the lines up to the next one. */
  #lost = false;

  constructor(file: string) {
    this.#file = file;
  }

  take(logical: LogicalLine): void {
    if (logical.kind !== "statement") this.#add(logical, logical.kind);
    else if (logical.text.length > LONGEST_LINE) this.#tooLong(logical);
    else if (strip(logical.text) === "") this.#add(logical, "blank");
    else if (strip(logical.text).startsWith("[")) this.#takeHeader(logical);
    else this.#takeAssignment(logical);
  }

  #takeHeader(logical: LogicalLine): void {
    const text = strip(logical.text);
    if (!text.endsWith("]")) {
      this.#lost = true;
      this.#complain(logical, `Invalid section header '${text}'`, "error", 'A section header ends in "]".');
      this.#add(logical, "junk");
      return;
    }
    const section = text.slice(1, -1);
    this.#lost = false;
    this.#section = section;
    this.headers.push({ name: section, line: logical.line, source: logical.source });
    this.#add(logical, "section", { section });
  }

  #takeAssignment(logical: LogicalLine): void {
    const equals = logical.text.indexOf("=");
    const key = strip(logical.text.slice(0, Math.max(equals, 0)));
    const problem = this.#problem(equals, key);
    if (problem !== undefined || this.#section === undefined || this.#lost) {
      if (problem !== undefined && !this.#lost) this.#complain(logical, problem, "warning");
      this.#add(logical, "junk");
      return;
    }
    const entry: Entry = {
      section: this.#section,
      key,
      value: strip(logical.text.slice(equals + 1)),
      line: logical.line,
      column: firstColumn(logical.source),
      source: logical.source,
      raw: logical.raw,
    };
    this.#add(logical, "assignment", { entry });
  }

  /** systemd's wording. */
  #problem(equals: number, key: string): string | undefined {
    if (this.#section === undefined) return "Assignment outside of section. Ignoring.";
    if (equals < 0) return "Missing '=', ignoring line.";
    return key === "" ? "Missing key name before '=', ignoring line." : undefined;
  }

  #tooLong(logical: LogicalLine): void {
    this.#complain(logical, `The line is longer than ${LONGEST_LINE} characters.`, "error");
    this.#add(logical, "junk");
  }

  #add(logical: LogicalLine, kind: Statement["kind"], more: Pick<Statement, "entry" | "section"> = {}): void {
    this.statements.push({ kind, raw: logical.raw, line: logical.line, ...more });
  }

  #complain(logical: LogicalLine, message: string, severity: Severity, hint?: string): void {
    const { line, source } = logical;
    const place: Place = { file: this.#file, line, column: firstColumn(source), source };
    this.diagnostics.push({
      severity,
      code: "syntax",
      message,
      place,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

function firstColumn(source: string): number {
  return source.length - source.trimStart().length + 1;
}
