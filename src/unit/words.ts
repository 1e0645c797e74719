/**
 * Splitting a value into words: quotes and escapes as systemd's extract_first_word() has them.
 * Quotes may begin anywhere in a word (the manual says only at its start; the code, and so we, are more lenient).
 */

import { CharSet } from "./char-set.ts";

export interface WordOptions {
  /** What a backslash does: begins a C escape, stays as it is, or makes the next character stand for itself. */
  readonly escapes?: "c" | "keep" | "plain";
  /** A backslash that begins no escape is as bad as a quote that is not closed. */
  readonly strict?: true;
  /** Quotes are characters like others. */
  readonly retainQuotes?: boolean;
  /** What stands between words, in ASCII; blanks unless said otherwise. */
  readonly separators?: CharSet;
  /** Each separator ends a word, so that words may be empty. */
  readonly splitAtEach?: boolean;
}

/** For lists of assignments. */
export const ESCAPED_WORDS: WordOptions = { escapes: "c", strict: true };
/** For lists of unit names. */
export const LITERAL_WORDS: WordOptions = { escapes: "keep", retainQuotes: true };
/** For lists of simple words. */
export const PLAIN_WORDS: WordOptions = { escapes: "plain", retainQuotes: true };
/** For lists of paths and names. */
export const QUOTED_WORDS: WordOptions = { escapes: "plain" };
/** For lists whose words have parts of their own, which are split later. */
export const TUPLE_WORDS: WordOptions = { escapes: "keep" };
/** For the parts of such a word; a colon after a backslash is part of one. */
export const TUPLE_PARTS: WordOptions = { separators: new CharSet(":"), retainQuotes: true };

/** For what stands before a colon; more colons in a row are one. */
export const COLON_PARTS: WordOptions = {
  separators: new CharSet(":"),
  escapes: "plain",
  retainQuotes: true,
};
/** For values with colons between their parts, which may be empty. */
export const COLON_WORDS: WordOptions = { ...COLON_PARTS, splitAtEach: true };

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
  /** A quote is never closed, or a plain backslash is the last character; systemd stops reading there. */
  readonly unbalanced: boolean;
  readonly unknownEscape: boolean;
}

const BLANKS = new CharSet(" \t\n\r");
const QUOTES = new CharSet("'\"");
const NOTHING = new CharSet("");
const BACKSLASH = 0x5c;

/** All words of `text`, or those up to the one that is unbalanced. */
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

/** The text with its C escapes resolved, or undefined when one of them is none. */
export function unescapeText(text: string): string | undefined {
  const word = takeWord(text, 0, { separators: NOTHING, retainQuotes: true, splitAtEach: true });
  if (word.kind !== "word") return "";
  return word.unknownEscape ? undefined : word.text;
}

export function isBlank(char: string | undefined): boolean {
  return char !== undefined && BLANKS.has(char.charCodeAt(0));
}

export function skipBlanks(text: string, at: number): number {
  return BLANKS.skip(text, at);
}

/** The word that begins at or behind index `start`. With `splitAtEach`, `next` is behind the length after the last. */
export function takeWord(text: string, start: number, options: WordOptions = {}): Word {
  const { separators = BLANKS, splitAtEach = false } = options;
  const from = splitAtEach ? start : separators.skip(text, start);
  if (splitAtEach ? start > text.length || text === "" : from >= text.length) return { kind: "end" };
  const behind = (stop: number): number => (splitAtEach ? stop + 1 : separators.skip(text, stop));
  // Most words have nothing in them that would mean anything.
  const stop = plainEnd(text, from, separators);
  if (stop === text.length || separators.has(text.charCodeAt(stop)))
    return { kind: "word", text: text.slice(from, stop), next: behind(stop), unknownEscape: false };
  const reader = new WordReader(text, from, options);
  if (!reader.read(separators) || (options.strict && reader.unknownEscape)) return { kind: "unbalanced" };
  const { word, at, unknownEscape } = reader;
  return { kind: "word", text: word.toString(), next: behind(at), unknownEscape };
}

/** Index of the first separator, quote or backslash at or behind `start`, or the text's length. */
function plainEnd(text: string, start: number, separators: CharSet): number {
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (separators.has(code) || QUOTES.has(code) || code === BACKSLASH) break;
    at++;
  }
  return at;
}

/** Reads one word, run by run of characters that mean nothing. */
class WordReader {
  readonly word = new WordBytes();
  at: number;
  unknownEscape = false;
  readonly #text: string;
  readonly #escapes: "c" | "keep" | "plain";
  readonly #quotes: CharSet;

  constructor(text: string, at: number, { escapes = "c", retainQuotes = false }: WordOptions) {
    this.#text = text;
    this.at = at;
    this.#escapes = escapes;
    this.#quotes = retainQuotes ? NOTHING : QUOTES;
  }

  /** False when a quote is not closed, or nothing follows a plain backslash. */
  read(separators: CharSet): boolean {
    // The code of the quote that is open.
    let quote: number | undefined;
    while (this.at < this.#text.length) {
      const code = this.#text.charCodeAt(this.at);
      if (quote === undefined && separators.has(code)) return true;
      if (code === BACKSLASH && this.#escapes !== "keep") {
        if (!this.#readEscape(separators)) return false;
      } else if (quote === undefined ? this.#quotes.has(code) : code === quote) {
        quote = quote === undefined ? code : undefined;
        this.at++;
      } else this.#readRun(quote, separators);
    }
    return quote === undefined;
  }

  #readRun(quote: number | undefined, separators: CharSet): void {
    const start = this.at++;
    while (this.at < this.#text.length) {
      const code = this.#text.charCodeAt(this.at);
      if (code === BACKSLASH && this.#escapes !== "keep") break;
      if (quote === undefined ? separators.has(code) || this.#quotes.has(code) : code === quote) break;
      this.at++;
    }
    this.word.add(this.#text.slice(start, this.at));
  }

  #readEscape(separators: CharSet): boolean {
    const behind = String.fromCodePoint(this.#text.codePointAt(this.at + 1) ?? 0);
    if (this.#escapes === "plain") {
      if (this.at + 1 >= this.#text.length) return false;
      this.#take(behind, this.at + 1 + behind.length);
      return true;
    }
    const sequence = takeEscape(this.#text, this.at + 1);
    const isSeparator = separators !== BLANKS && separators.has(behind.charCodeAt(0));
    if (sequence !== undefined) this.#take(sequence.value, sequence.next);
    else if (isSeparator) this.#take(behind, this.at + 2);
    else {
      // The character behind counts for itself, also where it is a blank or a quote.
      this.unknownEscape = true;
      const next = this.at + 1 < this.#text.length ? behind : "";
      this.#take(`\\${next}`, this.at + 1 + next.length);
    }
    return true;
  }

  #take(piece: string | number, next: number): void {
    this.word.add(piece);
    this.at = next;
  }
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
