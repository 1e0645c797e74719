/** Physical lines of a unit file, cut as systemd's read_line() cuts them and nothing of the text lost. */

export interface PhysicalLine {
  /** Without its end. */
  readonly text: string;
  /** What ended it: `\n`, `\r\n`, `\r`, a NUL, or nothing at the end of the file. */
  readonly end: string;
}

/** All lines of a text. Joining `text + end` of them gives the text back. */
export function splitLines(text: string): readonly PhysicalLine[] {
  const lines: PhysicalLine[] = [];
  for (let start = 0; start < text.length; ) {
    const stop = lineStop(text, start);
    const next = nextLine(text, stop);
    lines.push({ text: text.slice(start, stop), end: text.slice(stop, next) });
    start = next;
  }
  return lines;
}

const NUL = 1;
const LF = 2;
const CR = 4;

/** Index at which the line that `at` is in is over: that of its end of line, or the text's length. */
export function lineStop(text: string, at: number): number {
  let stop = at;
  while (stop < text.length && endBit(text.charCodeAt(stop)) === 0) stop++;
  return stop;
}

/** Index of the line behind the one that is over at `stop`. Different ends in a row are one, the same one twice is two. */
export function nextLine(text: string, stop: number): number {
  let next = stop;
  for (let seen = 0; next < text.length && (seen & NUL) === 0; next++) {
    const bit = endBit(text.charCodeAt(next));
    if (bit === 0 || (seen & bit) !== 0) break;
    seen |= bit;
  }
  return next;
}

/** Which end of line a character is; 0 for none. */
function endBit(code: number): number {
  if (code > 0x0d) return 0;
  if (code === 0x0a) return LF;
  if (code === 0x0d) return CR;
  return code === 0 ? NUL : 0;
}
