/**
 * Splitting a value into words: quotes and C escapes as systemd's extract_first_word() has them.
 * Quotes may begin anywhere in a word (the manual says only at its start; the code, and so we, are more lenient).
 */

export interface WordOptions {
  /** Backslashes stay as they are (lists of unit names). */
  readonly retainEscapes?: boolean;
  /** Quotes stay as they are (lists of unit names). */
  readonly retainQuotes?: boolean;
}

/** The word at a position of a text, or how there is none. */
export type Word =
  | {
      readonly kind: "word";
      readonly text: string;
      /** Index of the next word, or the text's length. */
      readonly next: number;
      /** It holds a backslash sequence that is no escape; the backslash was kept. */
      readonly unknownEscape: boolean;
    }
  | { readonly kind: "end" }
  | { readonly kind: "unbalanced" };

export interface Words {
  readonly words: readonly string[];
  /** A quote is never closed; systemd then drops the whole value. */
  readonly unbalanced: boolean;
  readonly unknownEscape: boolean;
}

const BLANKS = " \t\n\r";

/** All words of `text`. */
export function splitWords(text: string, options: WordOptions = {}): Words {
  const words: string[] = [];
  let unknownEscape = false;
  let at = 0;
  for (;;) {
    const word = takeWord(text, at, options);
    if (word.kind !== "word") return { words, unbalanced: word.kind === "unbalanced", unknownEscape };
    words.push(word.text);
    unknownEscape ||= word.unknownEscape;
    at = word.next;
  }
}

export function isBlank(char: string | undefined): boolean {
  return char !== undefined && BLANKS.includes(char);
}

export function skipBlanks(text: string, at: number): number {
  let next = at;
  while (isBlank(text[next])) next++;
  return next;
}

/** The word that begins at or behind index `start`. */
export function takeWord(text: string, start: number, options: WordOptions = {}): Word {
  let at = skipBlanks(text, start);
  if (at >= text.length) return { kind: "end" };
  const word = new WordBytes();
  let quote: string | undefined;
  let unknownEscape = false;
  for (; at < text.length; at++) {
    const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (quote === undefined && isBlank(char)) break;
    if (quote !== undefined && char === quote) quote = undefined;
    else if (quote === undefined && (char === "'" || char === '"') && options.retainQuotes !== true)
      quote = char;
    else if (char === "\\" && options.retainEscapes !== true) {
      const sequence = takeEscape(text, at + 1);
      if (sequence === undefined) {
        unknownEscape = true;
        word.add("\\");
      } else {
        word.add(sequence.value);
        at = sequence.next - 1;
      }
    } else {
      word.add(char);
      at += char.length - 1;
    }
  }
  if (quote !== undefined) return { kind: "unbalanced" };
  return { kind: "word", text: word.toString(), next: skipBlanks(text, at), unknownEscape };
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
  s: " ",
};

/** Escapes by number: how they begin, how many digits follow, and of which base. */
const NUMBER_ESCAPES = [
  { pattern: /x([0-9a-fA-F]{2})/y, base: 16, isByte: true },
  { pattern: /u([0-9a-fA-F]{4})/y, base: 16, isByte: false },
  { pattern: /U([0-9a-fA-F]{8})/y, base: 16, isByte: false },
  { pattern: /([0-3][0-7]{2})/y, base: 8, isByte: true },
] as const;

/** The escape whose letter is at `at`: a string, or a byte as a number. NUL is no escape. */
function takeEscape(text: string, at: number): { value: string | number; next: number } | undefined {
  const simple = SIMPLE_ESCAPES[text[at] ?? ""];
  if (simple !== undefined) return { value: simple, next: at + 1 };
  for (const { pattern, base, isByte } of NUMBER_ESCAPES) {
    const sticky = new RegExp(pattern);
    sticky.lastIndex = at;
    const digits = sticky.exec(text)?.[1];
    if (digits === undefined) continue;
    const code = Number.parseInt(digits, base);
    if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined;
    return { value: isByte ? code : String.fromCodePoint(code), next: sticky.lastIndex };
  }
  return undefined;
}

/** A word under construction. `\xc3\xa4` are two bytes of one character, so text is decoded only at the end. */
class WordBytes {
  #text = "";
  #bytes: number[] = [];

  add(piece: string | number): void {
    if (typeof piece === "number") {
      this.#bytes.push(piece);
    } else {
      this.#flush();
      this.#text += piece;
    }
  }

  toString(): string {
    this.#flush();
    return this.#text;
  }

  #flush(): void {
    if (this.#bytes.length === 0) return;
    this.#text += new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(this.#bytes));
    this.#bytes = [];
  }
}
