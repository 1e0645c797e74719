/**
 * Etcd's messages between JSON and the wire, as its gateway writes them: bytes in base64, 64-bit numbers as text, zeros
 * left out. In what it reads, names may also be in camel case, numbers may be numbers, and what is unknown is passed over.
 * Pure.
 */
import { StoreError } from "../../store.ts";
import { LENGTH_DELIMITED, VARINT, WireWriter } from "../../wire/buffers.ts";
import { jsonText } from "./json-text.ts";
import type { JsonField, Schema } from "./schema.ts";

type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

export class Transcoder {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** @throws StoreError `invalid-argument` when the JSON is no such message. */
  toWire(message: string, json: Json): Uint8Array {
    const writer = new WireWriter();
    this.#writeMessage(writer, message, json);
    return writer.finish();
  }

  /** @param pieces each ends between two fields. */
  toJson(message: string, pieces: readonly Uint8Array[]): Generator<string, void, undefined> {
    return jsonText(this.#schema, message, pieces);
  }

  /** The writer goes from the end to the beginning. */
  #writeMessage(writer: WireWriter, message: string, json: Json): void {
    if (!isObject(json)) throw invalid(`a ${message} has to be an object`);
    for (const field of this.#fields(message).toReversed()) {
      const value = json[field.name] ?? json[camelCase(field.name)];
      if (value === undefined || value === null) continue;
      if (!field.repeated) this.#writeField(writer, field, value);
      else for (const item of asList(field, value).toReversed()) this.#writeField(writer, field, item);
    }
  }

  #writeField(writer: WireWriter, field: JsonField, value: Json): void {
    const before = writer.length;
    const type = this.#writeValue(writer, field, value);
    if (type === LENGTH_DELIMITED) writer.size(writer.length - before);
    writer.tag(field.number, type);
  }

  #writeValue(writer: WireWriter, field: JsonField, value: Json): number {
    switch (field.type) {
      case "bytes":
        writer.raw(fromBase64(field, value));
        return LENGTH_DELIMITED;
      case "string":
        if (typeof value !== "string") throw invalid(`${field.name} has to be a text`);
        writer.raw(Buffer.from(value));
        return LENGTH_DELIMITED;
      case "bool":
        if (typeof value !== "boolean") throw invalid(`${field.name} has to be true or false`);
        writer.size(value ? 1 : 0);
        return VARINT;
      case "int64":
      case "uint64":
      case "uint32":
        writer.varint(toInteger(field, value));
        return VARINT;
    }
    const words = this.#schema.enums.get(field.type);
    if (words === undefined) {
      this.#writeMessage(writer, field.type, value);
      return LENGTH_DELIMITED;
    }
    writer.size(typeof value === "string" ? indexOf(field, words, value) : Number(toInteger(field, value)));
    return VARINT;
  }

  #fields(message: string): readonly JsonField[] {
    return this.#schema.messages.get(message) ?? [];
  }
}

function isObject(json: Json): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function asList(field: JsonField, value: Json): readonly Json[] {
  if (!Array.isArray(value)) throw invalid(`${field.name} has to be a list`);
  return value;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

function fromBase64(field: JsonField, value: Json): Buffer {
  if (typeof value !== "string") throw invalid(`${field.name} has to be a text in base64`);
  const wrong = /[^A-Za-z0-9+/=]/.exec(value);
  if (wrong !== null) throw invalid(`illegal base64 data at input byte ${wrong.index}`);
  if (value.length % 4 !== 0)
    throw invalid(`illegal base64 data at input byte ${value.length - (value.length % 4)}`);
  return Buffer.from(value, "base64");
}

function toInteger(field: JsonField, value: Json): bigint {
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d+$/.test(value)) return BigInt(value);
  throw invalid(`${field.name} has to be a whole number`);
}

function indexOf(field: JsonField, words: readonly string[], word: string): number {
  const index = words.indexOf(word);
  if (index < 0) throw invalid(`unknown value "${word}" for ${field.name}`);
  return index;
}

function invalid(message: string): StoreError {
  return new StoreError("invalid-argument", message);
}
