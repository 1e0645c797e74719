/** Physical lines of a unit file that are one to systemd: backslashes at their ends join them. */
import { lineStop, nextLine } from "./lines.ts";

export interface LogicalLine {
  /** What systemd sees of it: each joining backslash is a space, comments in between are left out. */
  readonly text: string;
  /** Index of the line behind it. */
  readonly end: number;
  /** How many physical lines it is made of. */
  readonly count: number;
}

/**
 * The line that begins at index `start`. A comment inside a continuation is left out and the continuation goes on; an
 * empty line ends it. A comment itself is not continued.
 */
export function takeLogicalLine(file: string, start: number): LogicalLine {
  const stop = lineStop(file, start);
  const text = file.slice(start, stop);
  const end = nextLine(file, stop);
  if (!continues(text) || isComment(text)) return { text, end, count: 1 };
  return goOn(file, text, end);
}

/** The line whose first part is `first`, up to the first physical line behind it that does not go on. */
function goOn(file: string, first: string, start: number): LogicalLine {
  let text = opened(first);
  let end = start;
  let count = 1;
  while (end < file.length) {
    const stop = lineStop(file, end);
    const part = file.slice(end, stop);
    end = nextLine(file, stop);
    count++;
    if (isComment(part)) continue;
    if (!continues(part)) return { text: text + part, end, count };
    text += opened(part);
  }
  return { text, end, count };
}

function opened(part: string): string {
  return `${part.slice(0, -1)} `;
}

const BACKSLASH = 0x5c;

/** True when the last backslash of the text is not escaped by one before it. */
function continues(text: string): boolean {
  let before = text.length - 1;
  while (before >= 0 && text.charCodeAt(before) === BACKSLASH) before--;
  return (text.length - before) % 2 === 0;
}

function isComment(text: string): boolean {
  const first = text.charAt(firstNonBlank(text));
  return first === "#" || first === ";";
}

/** Index of the first character that is no blank, or the text's length. */
export function firstNonBlank(text: string): number {
  let at = 0;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** The part of `text` from index `from` up to `to`, without the blanks at both ends. */
export function strip(text: string, from = 0, to = text.length): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** A space, a tab, a newline or a carriage return. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}
