/** Physical lines of a unit file, cut as systemd's read_line() cuts them and nothing of the text lost. */

export interface PhysicalLine {
  /** Without its end. */
  readonly text: string;
  /** What ended it: `\n`, `\r\n`, `\r`, a NUL, or nothing at the end of the file. */
  readonly end: string;
}

/**
 * Cuts at LF, CR and NUL; different ones in a row are one end of line (`\r\n`), the same one twice is two.
 * Joining `text + end` of all lines gives `text` back.
 */
export function splitLines(text: string): readonly PhysicalLine[] {
  const lines: PhysicalLine[] = [];
  let start = 0;
  while (start < text.length) {
    let stop = start;
    while (stop < text.length && !isEnd(text[stop])) stop++;
    const after = endAfter(text, stop);
    lines.push({ text: text.slice(start, stop), end: text.slice(stop, after) });
    start = after;
  }
  return lines;
}

/** Where the end of line that begins at `stop` is over. */
function endAfter(text: string, stop: number): number {
  let after = stop;
  const seen = new Set<string>();
  while (after < text.length && isEnd(text[after]) && !seen.has(text[after] ?? "")) {
    const char = text[after++] ?? "";
    if (char === "\0") break;
    seen.add(char);
  }
  return after;
}

function isEnd(char: string | undefined): boolean {
  return char === "\n" || char === "\r" || char === "\0";
}
