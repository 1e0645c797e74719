/**
 * D-Bus messages as bytes, as far as talking to systemd takes (D-Bus specification, "Message Protocol").
 * Bodies that are sent hold strings, lists of strings and integers; those that are read may hold anything.
 */

export type Value = boolean | number | bigint | string | readonly Value[];

export interface Call {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Types of the body: of `s`, `i`, `b` and `as`. */
  readonly signature: string;
  readonly body: readonly (string | number | boolean | readonly string[])[];
}

export interface Message {
  readonly type: "call" | "return" | "error" | "signal";
  readonly replyTo: number | undefined;
  readonly path: string;
  readonly member: string;
  readonly errorName: string;
  readonly body: readonly Value[];
}

const TYPES = ["call", "return", "error", "signal"] as const;
const FIXED_HEADER = 16;

/** A method call in little-endian bytes. */
export function encodeCall(serial: number, call: Call): Buffer {
  const body = new Writer();
  for (const [index, type] of splitTypes(call.signature).entries()) body.value(type, call.body[index] ?? "");
  const header = new Writer();
  header.bytes([108, 1, 0, 1]);
  header.u32(body.length);
  header.u32(serial);
  const fields = new Writer();
  const field = (code: number, type: "o" | "s" | "g", text: string): void => {
    fields.align(8);
    fields.bytes([code]);
    fields.signature(type);
    if (type === "g") fields.signature(text);
    else fields.string(text);
  };
  field(1, "o", call.path);
  field(2, "s", call.interface);
  field(3, "s", call.member);
  field(6, "s", "org.freedesktop.systemd1");
  if (call.signature !== "") field(8, "g", call.signature);
  header.u32(fields.length);
  return Buffer.concat([header.take(), fields.padded(), body.take()]);
}

/** Length of the message that these bytes begin with; undefined while that cannot be told. */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < FIXED_HEADER) return undefined;
  return align(FIXED_HEADER + bytes.readUInt32LE(12), 8) + bytes.readUInt32LE(4);
}

/** Reads one whole little-endian message. */
export function decodeMessage(bytes: Buffer): Message {
  const reader = new Reader(bytes);
  reader.at = 12;
  const fields = new Map<number, Value>();
  for (const field of list(reader.value("a(yv)"))) {
    const [code, value] = list(field);
    if (typeof code === "number" && value !== undefined) fields.set(code, value);
  }
  reader.at = align(reader.at, 8);
  const text = (code: number): string => String(fields.get(code) ?? "");
  const reply = fields.get(5);
  return {
    type: TYPES[bytes.readUInt8(1) - 1] ?? "signal",
    replyTo: typeof reply === "number" ? reply : undefined,
    path: text(1),
    member: text(3),
    errorName: text(4),
    body: splitTypes(text(8)).map((type) => reader.value(type)),
  };
}

function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

function list(value: Value | undefined): readonly Value[] {
  return isList(value) ? value : [];
}

function align(offset: number, to: number): number {
  return Math.ceil(offset / to) * to;
}

/** The complete types of a signature: `sa{sv}` is `s` and `a{sv}`. */
function splitTypes(signature: string): readonly string[] {
  const types: string[] = [];
  let start = 0;
  let depth = 0;
  for (const [index, letter] of [...signature].entries()) {
    if (letter === "(" || letter === "{") depth++;
    if (letter === ")" || letter === "}") depth--;
    if (letter === "a" || depth > 0) continue;
    types.push(signature.slice(start, index + 1));
    start = index + 1;
  }
  return types;
}

class Writer {
  #bytes = Buffer.alloc(256);
  length = 0;

  #room(size: number): number {
    const at = this.length;
    this.length += size;
    if (this.length > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], this.length * 2);
    return at;
  }

  align(to: number): void {
    this.#room(align(this.length, to) - this.length);
  }

  bytes(values: readonly number[]): void {
    const at = this.#room(values.length);
    this.#bytes.set(values, at);
  }

  u32(value: number): void {
    this.align(4);
    const at = this.#room(4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
  }

  string(text: string): void {
    const bytes = Buffer.from(`${text}\0`);
    this.u32(bytes.length - 1);
    this.bytes([...bytes]);
  }

  signature(text: string): void {
    this.bytes([text.length, ...Buffer.from(`${text}\0`)]);
  }

  value(type: string, value: Call["body"][number]): void {
    if (type === "as" && typeof value === "object") {
      const items = new Writer();
      for (const item of value) items.string(item);
      this.u32(items.length);
      this.bytes([...items.take()]);
    } else if (type === "s") this.string(String(value));
    else this.u32(Number(value));
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  padded(): Buffer {
    this.align(8);
    return this.take();
  }
}

const SIZES: Readonly<Record<string, number>> = {
  y: 1,
  n: 2,
  q: 2,
  i: 4,
  u: 4,
  b: 4,
  h: 4,
  x: 8,
  t: 8,
  d: 8,
};

/** Where a value of the type begins, in bytes. */
function alignmentOf(type: string): number {
  const [first = ""] = type;
  if (first === "(" || first === "{") return 8;
  return SIZES[first] ?? (first === "g" || first === "v" ? 1 : 4);
}

class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  value(type: string): Value {
    this.at = align(this.at, alignmentOf(type));
    switch (type[0]) {
      case "s":
      case "o":
        return this.#text(this.#number("u"));
      case "g":
        return this.#text(this.#number("y"));
      case "v":
        return this.value(this.#text(this.#number("y")));
      case "a":
        return this.#array(type.slice(1));
      case "(":
      case "{":
        return splitTypes(type.slice(1, -1)).map((one) => this.value(one));
      case "b":
        return this.#number("u") === 1;
      case "x":
        return this.#bytes.readBigInt64LE(this.#take(8));
      case "t":
        return this.#bytes.readBigUInt64LE(this.#take(8));
      default:
        return this.#number(type);
    }
  }

  #take(size: number): number {
    const { at } = this;
    this.at += size;
    return at;
  }

  #text(length: number): string {
    const at = this.#take(length + 1);
    return this.#bytes.toString("utf8", at, at + length);
  }

  #array(type: string): Value {
    const length = this.#number("u");
    this.at = align(this.at, alignmentOf(type));
    const end = this.at + length;
    const items: Value[] = [];
    while (this.at < end) items.push(this.value(type));
    return items;
  }

  #number(type: string): number {
    const at = this.#take(SIZES[type] ?? 4);
    switch (type) {
      case "y":
        return this.#bytes.readUInt8(at);
      case "n":
        return this.#bytes.readInt16LE(at);
      case "q":
        return this.#bytes.readUInt16LE(at);
      case "i":
        return this.#bytes.readInt32LE(at);
      case "d":
        return this.#bytes.readDoubleLE(at);
      default:
        return this.#bytes.readUInt32LE(at);
    }
  }
}
