/**
 * Etcd's answers from the wire as JSON text, a little at a time: nothing of a long one is held but its bytes and the text
 * that has just been made. Fields stand in the order in which they come, which is that of the tables. Pure.
 */
import { WireReader } from "../../wire/buffers.ts";
import type { JsonField, Schema } from "./schema.ts";

/** Text is given out when so many characters are there. */
const TEXT_LENGTH = 4 * 1024;

/** The answer whose bytes are in `pieces`, each of which ends between two fields. */
export function* jsonText(
  schema: Schema,
  message: string,
  pieces: readonly Uint8Array[],
): Generator<string, void, undefined> {
  const text = new AnswerText(schema, new PieceReader(pieces));
  yield* text.message(message, Number.POSITIVE_INFINITY);
  yield text.take();
}

class AnswerText {
  readonly #schema: Schema;
  readonly #bytes: PieceReader;
  #text = "";

  constructor(schema: Schema, bytes: PieceReader) {
    this.#schema = schema;
    this.#bytes = bytes;
  }

  /** What has been made since this was last called. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /** @param end where the message ends, unless the bytes do before. */
  *message(name: string, end: number): Generator<string, void, undefined> {
    let last: JsonField | undefined;
    this.#text += "{";
    while (this.#bytes.isBefore(end)) {
      const field = this.#field(name);
      if (field === undefined) continue;
      this.#text += punctuation(last, field);
      const inner = this.#isMessage(field) ? this.#bytes.end() : undefined;
      if (inner === undefined || this.#bytes.holds(inner)) this.#value(field, inner);
      else yield* this.message(field.type, inner);
      last = field;
      if (this.#text.length >= TEXT_LENGTH) yield this.take();
    }
    this.#text += ending(last);
  }

  /** The same of a message that is in one piece, which is as short as the piece. */
  #message(name: string, end: number): void {
    let last: JsonField | undefined;
    this.#text += "{";
    while (this.#bytes.isBefore(end)) {
      const field = this.#field(name);
      if (field === undefined) continue;
      this.#text += punctuation(last, field);
      this.#value(field, this.#isMessage(field) ? this.#bytes.end() : undefined);
      last = field;
    }
    this.#text += ending(last);
  }

  /** Reads which field comes. Undefined for one that is not known, which is passed over. */
  #field(message: string): JsonField | undefined {
    const tag = this.#bytes.reader.number();
    const field = this.#schema.messages.get(message)?.find(({ number }) => number === tag >>> 3);
    if (field === undefined) this.#bytes.reader.skip(tag & 7);
    return field;
  }

  #isMessage({ type }: JsonField): boolean {
    return this.#schema.messages.has(type);
  }

  /** @param end of the value, where it is a message. */
  #value({ type }: JsonField, end: number | undefined): void {
    if (end !== undefined) this.#message(type, end);
    // Base64 has nothing to escape, and may be long.
    else if (type === "bytes") this.#text += `"${base64(this.#bytes.reader.bytes())}"`;
    else this.#text += JSON.stringify(readScalar(this.#schema, this.#bytes.reader, type));
  }
}

/** What stands before a field's value, behind the field that came last. */
function punctuation(last: JsonField | undefined, { name, repeated }: JsonField): string {
  if (last?.name === name && repeated) return ",";
  const end = last === undefined ? "" : last.repeated ? "]," : ",";
  return `${end}${JSON.stringify(name)}:${repeated ? "[" : ""}`;
}

function ending(last: JsonField | undefined): string {
  return last?.repeated === true ? "]}" : "}";
}

/** A value that is neither a message nor bytes, as etcd's gateway shows it. */
function readScalar(schema: Schema, reader: WireReader, type: string): string | number | boolean {
  switch (type) {
    case "string":
      return Buffer.from(reader.bytes()).toString("utf8");
    case "bool":
      return reader.uint64() !== 0n;
    case "int64":
      return reader.int64().toString();
    case "uint64":
      return reader.uint64().toString();
    case "uint32":
      return reader.number();
  }
  const number = reader.number();
  return schema.enums.get(type)?.[number] ?? number;
}

function base64({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("base64");
}

/** Reads fields of bytes that are in pieces. */
class PieceReader {
  readonly #pieces: Iterator<Uint8Array>;
  reader = new WireReader(new Uint8Array(0));
  /** Where the piece that is being read begins. */
  #begin = 0;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces.values();
  }

  /** True where there is a field before that end. */
  isBefore(end: number): boolean {
    while (this.reader.at === this.reader.length) {
      const next = this.#pieces.next();
      if (next.done === true) return false;
      this.#begin += this.reader.length;
      this.reader = new WireReader(next.value);
    }
    return this.#begin + this.reader.at < end;
  }

  /** True where the piece that is being read goes as far. */
  holds(end: number): boolean {
    return end <= this.#begin + this.reader.length;
  }

  /** Reads a length; returns where the message behind it ends. */
  end(): number {
    const length = this.reader.number();
    return this.#begin + this.reader.at + length;
  }
}
