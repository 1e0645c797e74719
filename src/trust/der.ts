/**
 * DER, as X.690 has it: how certificates and requests for them are written down. Of its types there are those that occur
 * in them. Pure; what the values mean is signing.ts's.
 */

/** Identifier octets (X.690 8.1.2). */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** More than four bytes of length would be a value of gigabytes. */
const LENGTH_BYTES_MAX = 4;

/** Any value of which the content is given. */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return Buffer.concat([Buffer.of(tag, ...lengthOctets(length)), ...content]);
}

export function sequence(...members: readonly Uint8Array[]): Buffer {
  return der(TAG.sequence, ...members);
}

/** The value tagged by its place in what holds it, `[number]`: with a tag of its own inside, or in the place of it. */
export function tagged(
  number: number,
  kind: "explicit" | "implicit",
  ...content: readonly Uint8Array[]
): Buffer {
  return der((kind === "explicit" ? 0xa0 : 0x80) | number, ...content);
}

/** A positive number, the most significant byte first. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.of(0) : bytes.subarray(first);
  // The first bit is the sign's.
  return der(TAG.integer, Buffer.alloc((digits[0] ?? 0) & 0x80 ? 1 : 0), digits);
}

/** @param dotted `2.5.4.3` */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return der(TAG.oid, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** @param unused how many of the last bits count for nothing */
export function bitString(bytes: Uint8Array, unused = 0): Buffer {
  return der(TAG.bitString, Buffer.of(unused), bytes);
}

export function utf8(text: string): Buffer {
  return der(TAG.utf8, Buffer.from(text, "utf8"));
}

/** To the second; with two digits of the year until 2049, as RFC 5280 4.1.2.5 wants it. */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().replace(/\D/g, "").slice(0, 14)}Z`;
  const year = date.getUTCFullYear();
  if (year >= 1950 && year < 2050) return der(TAG.utcTime, Buffer.from(digits.slice(2), "latin1"));
  return der(TAG.generalizedTime, Buffer.from(digits, "latin1"));
}

/** A value as it is found. */
export interface Found {
  readonly tag: number;
  readonly content: Buffer;
  /** All of it, the tag and the length too. */
  readonly whole: Buffer;
}

/** The one value that the bytes are. @throws RangeError where they are none, or go on behind it */
export function readValue(bytes: Buffer): Found {
  const [only, ...more] = readValues(bytes);
  if (only === undefined || more.length > 0) throw new RangeError("not one value of DER");
  return only;
}

/** The values of which a content consists, one behind the other. @throws RangeError where it ends within one */
export function readValues(bytes: Buffer): readonly Found[] {
  const found: Found[] = [];
  for (let at = 0; at < bytes.length; ) {
    const value = readOne(bytes.subarray(at));
    found.push(value);
    at += value.whole.length;
  }
  return found;
}

function readOne(bytes: Buffer): Found {
  const [tag = 0, first] = bytes;
  if (first === undefined) throw new RangeError("DER ends within a value");
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || count > LENGTH_BYTES_MAX || bytes.length < 2 + count)
    throw new RangeError("no length that DER has");
  const start = 2 + count;
  const length = count === 0 ? first : bytes.readUIntBE(2, count);
  if (bytes.length < start + length) throw new RangeError("DER ends within a value");
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(0, start + length) };
}

function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left % 256);
  return [0x80 | octets.length, ...octets];
}

/** Seven bits a byte; all but the last have the eighth set. */
function base128(value: number): readonly number[] {
  const octets = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) octets.unshift(0x80 | (left & 0x7f));
  return octets;
}
