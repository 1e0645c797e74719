/**
 * Messages of the protobuf wire format as tables of fields, from which their TypeScript types follow.
 *
 * Reading fills absent fields with their zero, as proto3 says, and leaves absent messages out; unknown fields are
 * passed over. Writing takes any field as absent, and leaves zeros out. 64-bit numbers are bigint.
 */
import type { StoreError } from "../store.ts";
import { LENGTH_DELIMITED, malformed, VARINT, WireReader, type WireType, WireWriter } from "./buffers.ts";

/** How values of one type are read and written, without a field's number. */
interface Kind<Out, In = Out> {
  readonly type: WireType;
  readonly zero: () => Out;
  read(reader: WireReader): Out;
  write(writer: WireWriter, value: In): void;
  isZero(value: In): boolean;
  readonly long?: Long<In> | undefined;
}

/** How a value that may be long is written with pauses. */
interface Long<In> {
  /** True where it takes too much time to be written at once. */
  is(value: In): boolean;
  /** Writes it as `write` does, and yields where there may be a pause. */
  write(writer: WireWriter, value: In): Steps;
}

type Steps = Generator<void, void, void>;

/** A field of a message; `presence` decides what an absent one becomes. */
interface Field<Out, In, Presence extends "always" | "optional"> {
  readonly number: number;
  readonly presence: Presence;
  readonly zero: () => Out;
  accepts(type: WireType): boolean;
  /** @param previous what earlier occurrences of the field have given. */
  read(reader: WireReader, type: WireType, previous: Out | undefined): Out;
  write(writer: WireWriter, value: In): void;
  readonly long?: Long<In> | undefined;
}

type AnyField = Field<unknown, never, "always" | "optional">;
type Shape = Readonly<Record<string, AnyField>>;
type OutOf<F> = F extends Field<infer Out, never, "always" | "optional"> ? Out : never;
type InOf<F> = F extends { write(writer: WireWriter, value: infer In): void } ? In : never;
type OptionalNames<S extends Shape> = {
  [N in keyof S]: S[N]["presence"] extends "optional" ? N : never;
}[keyof S];

/** What reading gives. */
export type Decoded<S extends Shape> = {
  readonly [N in Exclude<keyof S, OptionalNames<S>>]: OutOf<S[N]>;
} & { readonly [N in OptionalNames<S>]?: OutOf<S[N]> };

/** What writing takes. */
export type Encodable<S extends Shape> = { readonly [N in keyof S]?: InOf<S[N]> | undefined };

/** A message of one type, read from and written to bytes. */
export interface Codec<Out, In = Out> {
  read(reader: WireReader, end: number): Out;
  write(writer: WireWriter, value: In): void;
  /** Absent where messages of this type are always short. */
  readonly long?: Long<In> | undefined;
}

/** Lists up to this length are short, however large their entries are. */
const SHORT_ENTRIES = 8;
/** How many entries of a list, and about how many bytes of them, are written at a time. */
const STEP_ENTRIES = 32;
const STEP_BYTES = 256 * 1024;

export function encode<In>(codec: Codec<unknown, In>, value: In): Buffer {
  const writer = new WireWriter();
  codec.write(writer, value);
  return writer.finish();
}

/**
 * The same bytes in pieces, with a pause after each, which takes little time; undefined for a message that takes little as
 * a whole.
 */
export function encodeInSteps<In>(
  codec: Codec<unknown, In>,
  value: In,
): Generator<void, readonly Buffer[], void> | undefined {
  const { long } = codec;
  return long?.is(value) === true ? encodeLong(long, value) : undefined;
}

function* encodeLong<In>(long: Long<In>, value: In): Generator<void, readonly Buffer[], void> {
  const writer = new WireWriter();
  for (const _ of long.write(writer, value)) {
    writer.cut();
    yield;
  }
  return writer.finishPieces();
}

/** @throws StoreError when the bytes are no message. */
export function decode<Out>(codec: Codec<Out, never>, bytes: Uint8Array): Out {
  const reader = new WireReader(bytes);
  return codec.read(reader, reader.length);
}

export function message<S extends Shape>(shape: S): Codec<Decoded<S>, Encodable<S>> {
  const fields = Object.entries<AnyField>(shape);
  const byNumber = new Map(fields.map(([name, field]) => [field.number, { name, field }]));
  const always = fields.filter(([, field]) => field.presence === "always");
  const reversed = fields.toReversed();
  return {
    read: (reader, end) => {
      const result: Record<string, unknown> = {};
      for (const [name, field] of always) result[name] = field.zero();
      while (reader.at < end) {
        const tag = reader.number();
        const known = byNumber.get(tag >>> 3);
        if (known === undefined) reader.skip(tag & 7);
        else if (!known.field.accepts(tag & 7)) throw wrongType(tag & 7, known.name);
        else result[known.name] = known.field.read(reader, tag & 7, result[known.name]);
      }
      // The loop above has just built what the table says; the compiler cannot follow the names.
      return result as Decoded<S>;
    },
    write: (writer, value) => {
      for (const [name, field] of reversed) {
        const part: unknown = value[name];
        if (part !== undefined) field.write(writer, part as never);
      }
    },
    long: longMessage(reversed),
  };
}

/** @param reversed the fields, the last one first. */
function longMessage<S extends Shape>(
  reversed: readonly (readonly [string, AnyField])[],
): Long<Encodable<S>> | undefined {
  const candidates = reversed.filter(([, field]) => field.long !== undefined);
  if (candidates.length === 0) return undefined;
  const isLong = (field: AnyField, part: unknown): boolean =>
    part !== undefined && field.long?.is(part as never) === true;
  return {
    is: (value) => candidates.some(([name, field]) => isLong(field, value[name])),
    write: function* (writer, value) {
      for (const [name, field] of reversed) {
        const part: unknown = value[name];
        if (isLong(field, part)) yield* field.long?.write(writer, part as never) ?? [];
        else if (part !== undefined) field.write(writer, part as never);
      }
    },
  };
}

/** In the words of etcd's own reader, which has fields in capitals. */
function wrongType(type: WireType, field: string): StoreError {
  return malformed(
    `proto: wrong wireType = ${type} for field ${field.charAt(0).toUpperCase()}${field.slice(1)}`,
  );
}

/** A codec whose values take another form in the rest of the program. */
export function mapped<Out, In, WireOut, WireIn>(
  wire: Codec<WireOut, WireIn>,
  fromWire: (value: WireOut) => Out,
  toWire: (value: In) => WireIn,
): Codec<Out, In> {
  return {
    read: (reader, end) => fromWire(wire.read(reader, end)),
    write: (writer, value) => wire.write(writer, toWire(value)),
    long: mappedLong(wire.long, toWire),
  };
}

function mappedLong<In, WireIn>(
  long: Long<WireIn> | undefined,
  toWire: (value: In) => WireIn,
): Long<In> | undefined {
  return (
    long && {
      is: (value) => long.is(toWire(value)),
      write: (writer, value) => long.write(writer, toWire(value)),
    }
  );
}

function singular<Out, In>(number: number, kind: Kind<Out, In>): Field<Out, In, "always"> {
  return {
    number,
    presence: "always",
    zero: kind.zero,
    accepts: (type) => type === kind.type,
    read: (reader) => kind.read(reader),
    write: (writer, value) => {
      if (!kind.isZero(value)) writeField(writer, number, kind, value);
    },
    long: kind.long && {
      is: kind.long.is,
      write: function* (writer, value) {
        yield* kind.long?.write(writer, value) ?? [];
        writer.tag(number, kind.type);
      },
    },
  };
}

function writeField<In>(writer: WireWriter, number: number, kind: Kind<unknown, In>, value: In): void {
  kind.write(writer, value);
  writer.tag(number, kind.type);
}

const int64Kind: Kind<bigint> = {
  type: VARINT,
  zero: () => 0n,
  read: (reader) => reader.int64(),
  write: (writer, value) => writer.varint(value),
  isZero: (value) => value === 0n,
};
const uint64Kind: Kind<bigint> = { ...int64Kind, read: (reader) => reader.uint64() };
const numberKind: Kind<number> = {
  type: VARINT,
  zero: () => 0,
  read: (reader) => reader.number(),
  write: (writer, value) => writer.varint(BigInt(value)),
  isZero: (value) => value === 0,
};
const flagKind: Kind<boolean> = {
  type: VARINT,
  zero: () => false,
  read: (reader) => reader.uint64() !== 0n,
  write: (writer, value) => writer.size(value ? 1 : 0),
  isZero: (value) => !value,
};
const EMPTY = new Uint8Array(0);
const bytesKind: Kind<Uint8Array> = {
  type: LENGTH_DELIMITED,
  zero: () => EMPTY,
  read: (reader) => reader.bytes(),
  write: (writer, value) => {
    writer.raw(value);
    writer.size(value.length);
  },
  isZero: (value) => value.length === 0,
};
const textKind: Kind<string> = {
  type: LENGTH_DELIMITED,
  zero: () => "",
  read: (reader) => Buffer.from(reader.bytes()).toString("utf8"),
  write: (writer, value) => bytesKind.write(writer, Buffer.from(value)),
  isZero: (value) => value === "",
};

function choiceKind<T extends string>(values: readonly [T, ...T[]]): Kind<T> {
  const [first] = values;
  return {
    type: VARINT,
    zero: () => first,
    // A number that is not known is what a newer client may send; it counts as absent.
    read: (reader) => values[reader.number()] ?? first,
    write: (writer, value) => writer.size(values.indexOf(value)),
    isZero: (value) => value === first,
  };
}

function messageKind<Out, In>(codec: () => Codec<Out, In>): Kind<Out, In> {
  return {
    type: LENGTH_DELIMITED,
    zero: () => decode<Out>(codec(), EMPTY),
    read: (reader) => reader.nested((end) => codec().read(reader, end)),
    write: (writer, value) => {
      const before = writer.length;
      codec().write(writer, value);
      writer.size(writer.length - before);
    },
    isZero: () => false,
    long: {
      is: (value) => codec().long?.is(value) === true,
      write: function* (writer, value) {
        const before = writer.length;
        yield* codec().long?.write(writer, value) ?? [];
        writer.size(writer.length - before);
      },
    },
  };
}

function list<Out, In>(number: number, kind: Kind<Out, In>): Field<Out[], readonly In[], "always"> {
  return {
    number,
    presence: "always",
    zero: () => [],
    accepts: (type) => type === kind.type || type === LENGTH_DELIMITED,
    read: (reader, type, previous) => {
      const values = previous ?? [];
      // Numbers of a list may come packed into one field.
      const packedEnd = type === LENGTH_DELIMITED && kind.type === VARINT ? reader.end() : undefined;
      if (packedEnd === undefined) values.push(kind.read(reader));
      else while (reader.at < packedEnd) values.push(kind.read(reader));
      return values;
    },
    write: (writer, values) => {
      for (const value of values.toReversed()) writeField(writer, number, kind, value);
    },
    long: {
      is: (values) => values.length > SHORT_ENTRIES || values.some((value) => kind.long?.is(value) === true),
      write: (writer, values) => longList(writer, number, kind, values),
    },
  };
}

/** The last entry first. */
function* longList<In>(
  writer: WireWriter,
  number: number,
  kind: Kind<unknown, In>,
  values: readonly In[],
): Steps {
  let entries = 0;
  for (const value of values.toReversed()) {
    if (kind.long?.is(value) === true) {
      yield* kind.long.write(writer, value);
      writer.tag(number, kind.type);
    } else {
      writeField(writer, number, kind, value);
    }
    entries += 1;
    if (entries % STEP_ENTRIES === 0 || writer.uncutLength > STEP_BYTES) yield;
  }
}

export const int64 = (number: number) => singular(number, int64Kind);
export const uint64 = (number: number) => singular(number, uint64Kind);
/** A 64-bit number on the wire that is a JavaScript number here: counts and limits. */
export const count = (number: number) => singular(number, numberKind);
export const flag = (number: number) => singular(number, flagKind);
export const bytes = (number: number) => singular(number, bytesKind);
export const text = (number: number) => singular(number, textKind);
/** An enum; the words stand in the order of their numbers from 0. */
export const choice = <const T extends string>(number: number, ...values: readonly [T, ...T[]]) =>
  singular(number, choiceKind(values));
export const choices = <const T extends string>(number: number, ...values: readonly [T, ...T[]]) =>
  list(number, choiceKind(values));
export const texts = (number: number) => list(number, textKind);
export const bytesList = (number: number) => list(number, bytesKind);
/** @param codec as a function where messages contain each other. */
export const messages = <Out, In>(number: number, codec: Codec<Out, In> | (() => Codec<Out, In>)) =>
  list(number, messageKind(typeof codec === "function" ? codec : () => codec));
/** A message that always stands, like the header of an answer. */
export const present = <Out, In>(number: number, codec: Codec<Out, In>) =>
  singular(
    number,
    messageKind(() => codec),
  );

/** A message or number that may be absent. */
export function optional<Out, In>(
  number: number,
  codec: Codec<Out, In> | (() => Codec<Out, In>),
): Field<Out, In, "optional"> {
  const field = singular(number, messageKind(typeof codec === "function" ? codec : () => codec));
  return { ...field, presence: "optional" };
}
