/**
 * Reading an answer in HTTP/1.1 (RFC 9112), as far as a server writes one to a request of a client that closes its
 * connection afterwards: the head, and a body by its length, in chunks, or until the connection ends. Pure.
 */

/** How a body says where it ends. */
export type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-end" };

export interface Head {
  readonly status: number;
  readonly framing: Framing;
  /** Where the body begins. */
  readonly end: number;
}

/** What came is not HTTP. */
export class NotHttp extends Error {}

const HEAD_BYTES_MAX = 64 * 1024;
const LENGTH = /^content-length: *(\d+) *$/im;
const CHUNKED = /^transfer-encoding: *chunked *$/im;

/** Undefined until the head is whole. @throws NotHttp */
export function readHead(bytes: Buffer): Head | undefined {
  const blank = bytes.indexOf("\r\n\r\n");
  if (blank === -1 && bytes.length <= HEAD_BYTES_MAX) return undefined;
  const text = bytes.toString("latin1", 0, Math.max(0, blank)).replaceAll("\r", "");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
  if (status === undefined) throw new NotHttp("the other side does not speak HTTP");
  return { status: Number(status), framing: framingOf(text), end: blank + 4 };
}

/** Chunks come before a length (RFC 9112 section 6.3). */
function framingOf(head: string): Framing {
  if (CHUNKED.test(head)) return { kind: "chunked" };
  const length = LENGTH.exec(head)?.[1];
  return length === undefined ? { kind: "until-end" } : { kind: "length", bytes: Number(length) };
}

/** Takes a body out of what comes. */
export interface BodyReader {
  /** True when all of it has come. */
  readonly isWhole: boolean;
  /** What the connection's end means: true when the body may end so. */
  readonly mayEnd: boolean;
  /** The bytes of the body in these. @throws NotHttp */
  take(bytes: Buffer): readonly Buffer[];
}

export function bodyReader(framing: Framing): BodyReader {
  if (framing.kind === "chunked") return new ChunkedBody();
  return new PlainBody(framing.kind === "length" ? framing.bytes : undefined);
}

class PlainBody implements BodyReader {
  #left: number;
  readonly #isSized: boolean;

  /** @param bytes undefined for one that goes on until the connection ends. */
  constructor(bytes: number | undefined) {
    this.#left = bytes ?? Number.POSITIVE_INFINITY;
    this.#isSized = bytes !== undefined;
  }

  get isWhole(): boolean {
    return this.#left === 0;
  }

  get mayEnd(): boolean {
    return this.isWhole || !this.#isSized;
  }

  take(bytes: Buffer): readonly Buffer[] {
    const taken = bytes.subarray(0, this.#left);
    this.#left -= taken.length;
    return taken.length === 0 ? [] : [taken];
  }
}

const SIZE_LINE_BYTES_MAX = 1024;
const LINE_END = "\r\n";

/** Chunks: a line with the size in hexadecimal, so many bytes and a line's end; one of no bytes is the last. */
class ChunkedBody implements BodyReader {
  isWhole = false;
  /** What has come of a line. */
  #line: Buffer = Buffer.alloc(0);
  /** Of a chunk and the line's end behind it; 0 where a line with a size is next. */
  #left = 0;

  get mayEnd(): boolean {
    return this.isWhole;
  }

  take(bytes: Buffer): readonly Buffer[] {
    const taken: Buffer[] = [];
    for (let rest = bytes; rest.length > 0 && !this.isWhole; ) {
      rest = this.#left > 0 ? this.#takeContent(rest, taken) : this.#takeSize(rest);
    }
    return taken;
  }

  #takeContent(bytes: Buffer, taken: Buffer[]): Buffer {
    const content = bytes.subarray(0, Math.max(0, this.#left - LINE_END.length));
    if (content.length > 0) taken.push(content);
    const passed = Math.min(this.#left, bytes.length);
    this.#left -= passed;
    return bytes.subarray(passed);
  }

  #takeSize(bytes: Buffer): Buffer {
    const line = Buffer.concat([this.#line, bytes]);
    const end = line.indexOf(LINE_END);
    if (end === -1) {
      if (line.length > SIZE_LINE_BYTES_MAX) throw new NotHttp("a chunk of the answer has no size");
      this.#line = line;
      return Buffer.alloc(0);
    }
    this.#line = Buffer.alloc(0);
    const size = /^[0-9a-f]{1,12}(?=;|\s*$)/i.exec(line.toString("latin1", 0, end))?.[0];
    if (size === undefined) throw new NotHttp("a chunk of the answer has no size");
    this.#left = Number.parseInt(size, 16) + LINE_END.length;
    // Nothing behind the last chunk says anything to us.
    if (this.#left === LINE_END.length) this.isWhole = true;
    return line.subarray(end + LINE_END.length);
  }
}
