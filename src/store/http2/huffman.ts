/**
 * The Huffman code of HPACK (RFC 7541, appendix B), for reading only: what is sent is sent plain.
 *
 * The code is canonical: in order of the length of their codes, then of their number, the bytes get ascending codes.
 * So a table of the lengths says everything.
 */
import { COMPRESSION_ERROR, Http2Error } from "./http2-error.ts";

/** Bits of the code of each byte from 0 to 255, one digit of base 36 a byte. */
const LENGTHS =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq";
const LONGEST_BITS = 30;

interface CodeTable {
  /** By length: the first code, how many there are, and where their bytes begin in `bytes`. */
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly start: Int32Array;
  readonly bytes: Uint8Array;
}

export class HuffmanReader {
  #table: CodeTable | undefined;

  /** @throws Http2Error when the bits are no code, or more than padding is left over. */
  read(coded: Uint8Array): string {
    this.#table ??= buildTable();
    const { first, count, start, bytes } = this.#table;
    let text = "";
    let code = 0;
    let length = 0;
    for (const byte of coded) {
      for (let bit = 7; bit >= 0; bit -= 1) {
        code = (code << 1) | ((byte >> bit) & 1);
        length += 1;
        const offset = code - (first[length] ?? 0);
        if (offset < (count[length] ?? 0)) {
          text += String.fromCharCode(bytes[(start[length] ?? 0) + offset] ?? 0);
          code = 0;
          length = 0;
        } else if (length >= LONGEST_BITS) {
          throw new Http2Error(COMPRESSION_ERROR, "a header has an invalid Huffman code");
        }
      }
    }
    // What is left over has to be the beginning of the code of the end: ones, less than a byte of them.
    if (length > 7 || code !== (1 << length) - 1) {
      throw new Http2Error(COMPRESSION_ERROR, "a header's Huffman code ends in the middle");
    }
    return text;
  }
}

function buildTable(): CodeTable {
  const lengths = Array.from(LENGTHS, (digit) => Number.parseInt(digit, 36));
  const first = new Int32Array(LONGEST_BITS + 1);
  const count = new Int32Array(LONGEST_BITS + 1);
  const start = new Int32Array(LONGEST_BITS + 1);
  for (const bits of lengths) count[bits] = (count[bits] ?? 0) + 1;
  for (let length = 1; length <= LONGEST_BITS; length += 1) {
    const shorter = count[length - 1] ?? 0;
    start[length] = (start[length - 1] ?? 0) + shorter;
    first[length] = ((first[length - 1] ?? 0) + shorter) << 1;
  }
  // Each connection makes one: a pass over all bytes for each length would be noticed.
  const bytes = new Uint8Array(lengths.length);
  const next = start.slice();
  for (const [byte, bits] of lengths.entries()) {
    const at = next[bits] ?? 0;
    bytes[at] = byte;
    next[bits] = at + 1;
  }
  return { first, count, start, bytes };
}
