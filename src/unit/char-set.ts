/** Sets of ASCII characters, for loops that ask about every character of a text. */
export class CharSet {
  readonly #has = new Uint8Array(128);

  constructor(chars: string) {
    for (let index = 0; index < chars.length; index++) this.#has[chars.charCodeAt(index)] = 1;
  }

  /** Whether the character with this code is in the set. */
  has(code: number): boolean {
    return this.#has[code] === 1;
  }

  /** Index of the first character at or behind `at` that is not in the set, or the text's length. */
  skip(text: string, at: number): number {
    let next = at;
    while (next < text.length && this.has(text.charCodeAt(next))) next++;
    return next;
  }
}
