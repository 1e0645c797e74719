/**
 * Drop-ins: where those of a unit may lie, and a unit file and its drop-ins as one text.
 *
 * systemd reads drop-ins as if each went on where the unit file ended, so one text can mean the same. Invariants: a text
 * without drop-ins stays as it is to the byte; every line of the merged text knows the file and line it came from; a
 * drop-in that is broken never changes what the unit file itself means.
 */
import type { Place } from "#base/errors.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { splitLines } from "./lines.ts";
import { parseUnitName, type UnitName } from "./name.ts";
import { parseUnitFile, type Statement, type UnitFile } from "./unit-file.ts";

/**
 * The directories that hold drop-ins of a unit, the most specific first: `NAME.d`, that of its template, and those of
 * the prefixes that end at a dash. The one of the whole type (`service.d`) is {@link typeDropInDirectory}: it comes behind
 * these of every search path. `suffix` is `.d`, or `.wants` and its like, which systemd looks up the same way.
 */
export function dropInDirectories(name: string, suffix = ".d"): readonly string[] {
  return [...new Set(namesForDropIns(name))].map((each) => each + suffix);
}

export function typeDropInDirectory(name: string, suffix = ".d"): string {
  return parseUnitName(name).suffix + suffix;
}

/** systemd goes through an instance's template with all its prefixes before it shortens the instance's own. */
function namesForDropIns(name: string): readonly string[] {
  const unit = parseUnitName(name);
  const ofTemplate = unit.template === undefined ? [] : namesForDropIns(unit.template);
  const shorter = upToPreviousDash(unit.prefix);
  if (shorter === undefined) return [name, ...ofTemplate];
  return [name, ...ofTemplate, ...namesForDropIns(withPrefix(unit, shorter))];
}

/** `foo-bar` and `foo-bar-` become `foo-`. A shortened template is a plain name. */
function upToPreviousDash(prefix: string): string | undefined {
  const dash = prefix.lastIndexOf("-", prefix.length - 2);
  return prefix.length < 2 || dash < 0 ? undefined : prefix.slice(0, dash + 1);
}

function withPrefix({ instance, suffix }: UnitName, prefix: string): string {
  return `${prefix}${instance === undefined ? "" : `@${instance}`}.${suffix}`;
}

/** A file that is part of a unit: its unit file (systemd's "fragment") or a drop-in. */
export interface UnitPart {
  /** As it is to be named in places and comments. */
  readonly path: string;
  readonly text: string;
}

export interface MergedUnit {
  /** A unit file that means what all parts together mean. */
  readonly text: string;
  /** What is wrong with drop-ins and cannot be seen in the text. */
  readonly diagnostics: readonly Diagnostic[];
  /** A place in the text as one in the part it came from. */
  readonly locate: (place: Place) => Place;
}

/**
 * The unit file with its drop-ins behind it, each under a comment that names it, as `systemctl cat` prints them.
 * `dropIns` are in the order in which they apply. An empty unit file is a masked unit, of which no drop-in is read.
 */
export function mergeDropIns(main: UnitPart, dropIns: readonly UnitPart[]): MergedUnit {
  const parts = main.text === "" ? [] : dropIns.map(asContinuation);
  if (parts.length === 0) {
    return { text: main.text, diagnostics: [], locate: (place) => ({ ...place, file: main.path }) };
  }
  const spans: Span[] = [];
  let text = "";
  for (const part of [main, ...parts]) {
    const heading = `${text === "" ? "" : "\n"}# ${part.path}\n`;
    spans.push({ path: part.path, firstLine: countLines(text + heading) + 1 });
    text += heading + terminated(part.text.replace(/^\uFEFF/, ""));
  }
  return {
    text,
    diagnostics: parts.flatMap(({ diagnostics }) => diagnostics),
    locate: (place) => locateIn(spans, place),
  };
}

/** Where a part begins in the merged text. */
interface Span {
  readonly path: string;
  readonly firstLine: number;
}

function locateIn(spans: readonly Span[], place: Place): Place {
  const span = spans.findLast(({ firstLine }) => firstLine <= place.line);
  if (span === undefined) return place;
  return { ...place, file: span.path, line: place.line - span.firstLine + 1 };
}

function countLines(text: string): number {
  return splitLines(text).length;
}

function terminated(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

interface Continuation extends UnitPart {
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * A drop-in begins outside of any section, whatever section the text before it ended in, and ends for systemd where
 * it cannot be parsed: both are made comments, line by line, so that no line changes its number.
 */
function asContinuation(dropIn: UnitPart): Continuation {
  const file = parseUnitFile(dropIn.text, dropIn.path);
  const { start, end } = readableLines(file);
  const text = file.statements
    .map((statement) => {
      const raw = file.rawOf(statement);
      return isOutside(statement, start, end) ? asComment(raw) : raw;
    })
    .join("");
  const hidden = file.diagnostics.filter(({ place }) => place.line < start || place.line >= end);
  return { path: dropIn.path, text, diagnostics: hidden.map(asWarning) };
}

/** From the first header to the first line that makes systemd give up on the file. */
function readableLines(file: UnitFile): { start: number; end: number } {
  const fatal = file.diagnostics.find(({ severity }) => severity === "error");
  const end = fatal?.place.line ?? Number.POSITIVE_INFINITY;
  return { start: Math.min(file.headers[0]?.line ?? end, end), end };
}

function isOutside({ kind, line }: Statement, start: number, end: number): boolean {
  return kind !== "blank" && kind !== "comment" && (line < start || line >= end);
}

function asComment(raw: string): string {
  return splitLines(raw)
    .map(({ text, end }) => `# ${text}${end}`)
    .join("");
}

/** systemd goes on without a broken drop-in. */
function asWarning(diagnostic: Diagnostic): Diagnostic {
  return { ...diagnostic, severity: "warning" };
}
