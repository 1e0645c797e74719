/**
 * HPACK (RFC 7541), the compression of headers of HTTP/2: reading in full, writing without state.
 *
 * A reader belongs to one connection and has to be given every block of headers of it, in order, or the two sides'
 * tables differ from then on.
 */

import { COMPRESSION_ERROR, ENHANCE_YOUR_CALM, Http2Error } from "./http2-error.ts";
import { HuffmanReader } from "./huffman.ts";

export type Headers = ReadonlyMap<string, string>;
type Entry = readonly [name: string, value: string];

const TABLE_BYTES = 4096;
/** What an entry of a table costs beside its characters. */
const ENTRY_BYTES = 32;
/** All headers of one request together; gRPC's own limit. */
export const REQUEST_HEADERS_BYTES_MAX = 16 * 1024;
/** All headers of one answer; a reason may be long. */
export const ANSWER_HEADERS_BYTES_MAX = 64 * 1024;
const KNOWN_BLOCK_BYTES_MAX = 64;
const KNOWN_BLOCKS_MAX = 64;

/** RFC 7541, appendix A. */
const STATIC_TABLE: readonly Entry[] = [
  ["", ""],
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  ...["200", "204", "206", "304", "400", "404", "500"].map((status): Entry => [":status", status]),
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ..."accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control content-disposition content-encoding content-language content-length content-location content-range content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate"
    .split(" ")
    .map((name): Entry => [name, ""]),
];

export class HeaderReader {
  readonly #huffman = new HuffmanReader();
  /** The newest first. */
  readonly #dynamic: Entry[] = [];
  #dynamicBytes = 0;
  #dynamicBytesMax = TABLE_BYTES;
  #tableChanged = false;
  /** Blocks read since the table last changed: calls of one kind have the same headers, and so the same block. */
  readonly #known = new Map<string, Headers>();
  readonly #bytesMax: number;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** @param bytesMax of the headers of one block. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The headers of a whole block; of a repeated one the last. @throws Http2Error */
  read(block: Buffer): Headers {
    if (block.length > KNOWN_BLOCK_BYTES_MAX) {
      this.#known.clear();
      return this.#read(block);
    }
    const name = block.toString("latin1");
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    this.#tableChanged = false;
    const headers = this.#read(block);
    if (this.#tableChanged || this.#known.size >= KNOWN_BLOCKS_MAX) this.#known.clear();
    if (!this.#tableChanged) this.#known.set(name, headers);
    return headers;
  }

  #read(block: Buffer): Headers {
    this.#block = block;
    this.#at = 0;
    const headers = new Map<string, string>();
    let bytes = 0;
    while (this.#at < block.length) {
      const entry = this.#readEntry();
      if (entry === undefined) continue;
      bytes += entry[0].length + entry[1].length + ENTRY_BYTES;
      if (bytes > this.#bytesMax) throw new Http2Error(ENHANCE_YOUR_CALM, "too many headers");
      headers.set(entry[0], entry[1]);
    }
    return headers;
  }

  /** Undefined where the block only changes the size of the table. */
  #readEntry(): Entry | undefined {
    const byte = this.#block[this.#at] ?? 0;
    if (byte & 0x80) return this.#entry(this.#integer(7));
    if (byte & 0x40) {
      const entry = this.#literal(6);
      this.#add(entry);
      return entry;
    }
    if (byte & 0x20) {
      this.#resize(this.#integer(5));
      return undefined;
    }
    return this.#literal(4);
  }

  #literal(prefixBits: number): Entry {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#text() : this.#entry(index)[0];
    return [name, this.#text()];
  }

  #entry(index: number): Entry {
    const entry = STATIC_TABLE[index] ?? this.#dynamic[index - STATIC_TABLE.length];
    if (entry === undefined || index === 0) throw new Http2Error(COMPRESSION_ERROR, "an unknown header");
    return entry;
  }

  #add(entry: Entry): void {
    this.#dynamic.unshift(entry);
    this.#dynamicBytes += entry[0].length + entry[1].length + ENTRY_BYTES;
    this.#evict();
  }

  #resize(bytes: number): void {
    if (bytes > TABLE_BYTES) throw new Http2Error(COMPRESSION_ERROR, "a table of headers that is too large");
    this.#dynamicBytesMax = bytes;
    this.#evict();
  }

  #evict(): void {
    this.#tableChanged = true;
    while (this.#dynamicBytes > this.#dynamicBytesMax) {
      const [name, value] = this.#dynamic.pop() ?? ["", ""];
      this.#dynamicBytes -= name.length + value.length + ENTRY_BYTES;
    }
  }

  #text(): string {
    const coded = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const end = this.#at + length;
    if (end > this.#block.length) throw cutShort();
    const start = this.#at;
    this.#at = end;
    if (coded) return this.#huffman.read(this.#block.subarray(start, end));
    return this.#block.toString("latin1", start, end);
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Http2Error(COMPRESSION_ERROR, "a number in the headers is too large");
  }

  #byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw cutShort();
    this.#at += 1;
    return byte;
  }
}

function cutShort(): Http2Error {
  return new Http2Error(COMPRESSION_ERROR, "the headers are cut short");
}

/** Headers as a block that leaves the peer's table alone, so that the same bytes serve on every connection. */
export function writeHeaders(headers: readonly Entry[]): Buffer {
  return Buffer.concat(headers.map(writeEntry));
}

function writeEntry([name, value]: Entry): Buffer {
  const same = STATIC_TABLE.findIndex((entry) => entry[0] === name && entry[1] === value);
  if (same > 0 && value !== "") return integer(0x80, 7, same);
  const named = STATIC_TABLE.findIndex((entry) => entry[0] === name);
  const head = named > 0 ? integer(0, 4, named) : Buffer.concat([Buffer.of(0), plain(name)]);
  return Buffer.concat([head, plain(value)]);
}

function plain(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([integer(0, 7, bytes.length), bytes]);
}

function integer(flags: number, prefixBits: number, value: number): Buffer {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) return Buffer.of(flags | value);
  const bytes = [flags | mask];
  let rest = value - mask;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
