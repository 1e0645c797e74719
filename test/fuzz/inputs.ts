/** Inputs for fuzzing: random bytes, texts of the language's own signs, and real files with damage done to them. */
import { type Random, randomInteger } from "#base/random.ts";

/** What means something somewhere in the language. */
const PIECES: readonly string[] = [
  ...[
    "[",
    "]",
    "=",
    "\n",
    "\r",
    "\r\n",
    "\\",
    "\\\n",
    " ",
    "\t",
    "#",
    ";",
    "'",
    '"',
    "`",
    "$",
    "${",
    "}",
    "$$",
    "%",
    "%i",
  ],
  ...[
    "%%",
    "%z",
    "\\x",
    "\\x2d",
    "\\x00",
    "\\u00e4",
    "\\777",
    "/",
    "//",
    "/..",
    "./",
    "-",
    "--",
    "@",
    "@.",
    ".service",
    ".d",
  ],
  ...[
    "|",
    "!",
    "!!",
    "+",
    ":",
    "~",
    "*",
    "?",
    ",",
    "..",
    ".",
    "0",
    "1",
    "59",
    "2199",
    "18446744073709551615",
    "1e3",
    "0x1",
  ],
  ...[
    "us",
    "ms",
    "min",
    "M",
    "G",
    "infinity",
    "Mon",
    "Sun..",
    "daily",
    "UTC",
    "Europe/Berlin",
    "-1",
    "\u00e4",
    "\u{1f600}",
  ],
  ...[
    "\ud800",
    "\u2028",
    "\u0000",
    "\u0007",
    "\ufeff",
    "export ",
    "[Unit]\n",
    "[Service]\n",
    "[Install]\n",
    "[X-Fleet]\n",
  ],
  ...[
    "ExecStart=",
    "Environment=",
    "After=",
    "OnCalendar=",
    "LimitNOFILE=",
    "MemoryMax=",
    "X-Key=",
    "/bin/sh -c ",
  ],
];

const LONGEST = 3000;

/** One input; the same for the same state of `random`. @param corpus real files, to be damaged */
export function makeInput(random: Random, corpus: readonly string[]): string {
  const kind = random.next();
  if (kind < 0.15) return decode(random.bytes(randomInteger(random, 0, 400)));
  if (kind < 0.45 || corpus.length === 0) return ofPieces(random, randomInteger(random, 0, 40));
  return damaged(random, corpus);
}

/** Bytes that are no characters become what a lenient decoder makes of them. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function ofPieces(random: Random, count: number): string {
  return Array.from({ length: count }, () => pick(random, PIECES)).join("");
}

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[randomInteger(random, 0, items.length - 1)];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}

/** A real file with one to eight pieces left out, doubled, put in, or taken from another file. */
function damaged(random: Random, corpus: readonly string[]): string {
  let text = pick(random, corpus);
  for (let count = randomInteger(random, 1, 8); count > 0; count--) text = damageOnce(random, text, corpus);
  return text.slice(0, LONGEST);
}

function damageOnce(random: Random, text: string, corpus: readonly string[]): string {
  const start = randomInteger(random, 0, text.length);
  const end = Math.min(text.length, start + randomInteger(random, 0, 30));
  const [before, span, after] = [text.slice(0, start), text.slice(start, end), text.slice(end)];
  switch (randomInteger(random, 0, 4)) {
    case 0:
      return before + after;
    case 1:
      return before + span + span + after;
    case 2:
      return before + pick(random, PIECES) + span + after;
    case 3:
      return before + ofPieces(random, 3) + after;
    default: {
      const other = pick(random, corpus);
      const from = randomInteger(random, 0, other.length);
      return before + other.slice(from, from + 60) + after;
    }
  }
}
