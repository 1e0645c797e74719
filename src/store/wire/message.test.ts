import fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { StoreError } from "../store.ts";
import * as m from "./message.ts";

const inner = m.message({ id: m.int64(1), name: m.text(2) });
const outer = m.message({
  signed: m.int64(1),
  unsigned: m.uint64(2),
  count: m.count(3),
  flag: m.flag(4),
  bytes: m.bytes(5),
  text: m.text(6),
  choice: m.choice(7, "zero", "one", "two"),
  choices: m.choices(8, "zero", "one", "two"),
  maybe: m.optional(9, inner),
  always: m.present(10, inner),
  many: m.messages(11, inner),
  texts: m.texts(12),
  far: m.flag(2_000),
});

/** The same messages for protobufjs, which knows how they must look on the wire. */
const reference = protobuf
  .parse(`
  syntax = "proto3";
  enum Choice { ZERO = 0; ONE = 1; TWO = 2; }
  message Inner { int64 id = 1; string name = 2; }
  message Outer {
    int64 signed = 1; uint64 unsigned = 2; int64 count = 3; bool flag = 4; bytes bytes = 5; string text = 6;
    Choice choice = 7; repeated Choice choices = 8; Inner maybe = 9; Inner always = 10; repeated Inner many = 11;
    repeated string texts = 12; bool far = 2000;
  }
`)
  .root.lookupType("Outer");

const innerValue = fc.record({
  id: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  name: fc.string({ unit: "grapheme" }),
});
const choice = fc.constantFrom("zero", "one", "two");
const outerValue = fc.record(
  {
    signed: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    unsigned: fc.bigInt(0n, 2n ** 64n - 1n),
    count: fc.maxSafeInteger(),
    flag: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 400 }),
    text: fc.string({ unit: "grapheme" }),
    choice,
    choices: fc.array(choice),
    maybe: innerValue,
    always: innerValue,
    many: fc.array(innerValue, { maxLength: 5 }),
    texts: fc.array(fc.string()),
    far: fc.boolean(),
  },
  {
    requiredKeys: [
      "signed",
      "unsigned",
      "count",
      "flag",
      "bytes",
      "text",
      "choice",
      "choices",
      "always",
      "many",
      "texts",
      "far",
    ],
  },
);

/** Undefined for a message that is written at once. */
function inSteps<In>(codec: m.Codec<unknown, In>, value: In): readonly Uint8Array[] | undefined {
  const steps = m.encodeInSteps(codec, value);
  if (steps === undefined) return undefined;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Views of larger buffers as plain arrays, so that only the bytes are compared. */
function plainBytes<T extends { readonly bytes: Uint8Array }>(
  value: T,
): Omit<T, "bytes"> & { bytes: number[] } {
  return { ...value, bytes: [...value.bytes] };
}

describe("a message", () => {
  test("reads as what was written", () => {
    fc.assert(
      fc.property(outerValue, (value) => {
        expect(plainBytes(m.decode(outer, m.encode(outer, value)))).toEqual(plainBytes(value));
      }),
    );
  });

  test("is understood by protobufjs, and understands what protobufjs writes", () => {
    fc.assert(
      fc.property(outerValue, (value) => {
        const understood = reference.decode(m.encode(outer, value));
        const rewritten = reference.encode(understood).finish();
        expect(plainBytes(m.decode(outer, rewritten))).toEqual(plainBytes(value));
      }),
    );
  });

  test("is in pieces what it is as a whole, and short ones are written as a whole", () => {
    const long = fc.array(innerValue, { minLength: 65, maxLength: 300 });
    fc.assert(
      fc.property(outerValue, long, fc.array(fc.string(), { maxLength: 200 }), (value, many, texts) => {
        expect(inSteps(outer, { ...value, choices: [], many: [], texts: [] })).toBeUndefined();
        const pieces = inSteps(outer, { ...value, many, texts }) ?? [];
        expect(pieces.length).toBeGreaterThan(many.length / 64);
        const whole = m.encode(outer, { ...value, many, texts });
        expect(Buffer.concat(pieces).equals(whole)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test("is in pieces what it is as a whole also where the long list is messages deep", () => {
    const list = m.message({ entries: m.messages(1, inner) });
    const branch = m.mapped(
      m.message({ before: m.text(1), list: m.optional(2, list), behind: m.text(3) }),
      (value) => value,
      (value: Parameters<typeof list.write>[1]) => ({ before: "before", list: value, behind: "behind" }),
    );
    const tree = m.message({ head: m.present(1, inner), branches: m.messages(2, () => branch) });
    const lists = fc.record({ entries: fc.array(innerValue, { maxLength: 200 }) });
    fc.assert(
      fc.property(fc.array(lists, { maxLength: 4 }), (many) => {
        const value = { head: { id: 1n }, branches: many };
        const isShort = many.every(({ entries }) => entries.length <= 8);
        const pieces = inSteps(tree, value);
        expect(pieces === undefined).toBe(isShort);
        const longest = Math.max(0, ...many.map(({ entries }) => entries.length));
        expect(pieces?.length ?? 1).toBeGreaterThan(longest / 64);
        if (pieces !== undefined) expect(Buffer.concat(pieces).equals(m.encode(tree, value))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test("is cut more often where its entries are large", () => {
    const large = m.message({ blobs: m.bytesList(1) });
    const blobs = Array.from({ length: 12 }, (_, at) => new Uint8Array(300_000).fill(at));
    const pieces = inSteps(large, { blobs }) ?? [];
    expect(pieces.length).toBeGreaterThanOrEqual(12);
    expect(Buffer.concat(pieces).equals(m.encode(large, { blobs }))).toBe(true);
  });

  test("has zeros for what is absent, and leaves absent messages out", () => {
    expect(m.decode(outer, new Uint8Array(0))).toEqual({
      ...{ signed: 0n, unsigned: 0n, count: 0, flag: false, bytes: new Uint8Array(0), text: "" },
      ...{ choice: "zero", choices: [], always: { id: 0n, name: "" }, many: [], texts: [], far: false },
    });
    expect(m.encode(outer, { signed: 0n, text: "", flag: false }).length).toBe(0);
  });

  test("passes over fields it does not know, of every type", () => {
    const unknown = [
      0x99,
      0x06,
      ...Array.from({ length: 8 }, () => 1),
      0x9d,
      0x06,
      1,
      1,
      1,
      1,
      0x92,
      0x06,
      1,
      65,
      0x90,
      0x06,
      5,
    ];
    const bytes = Uint8Array.from([...unknown, ...m.encode(inner, { id: 7n, name: "x" })]);
    expect(m.decode(inner, bytes)).toEqual({ id: 7n, name: "x" });
  });

  test("that is broken is refused, never read past its end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          m.decode(outer, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError);
        }
      }),
      { numRuns: 500 },
    );
    const whole = m.encode(outer, { text: "some text" });
    expect(() => m.decode(outer, whole.subarray(0, -1))).toThrow("unexpected EOF");
  });
});

describe("what is no message is refused as such", () => {
  const nested = (depth: number): Buffer => {
    let bytes = Buffer.alloc(0);
    for (let at = 0; at < depth; at += 1) {
      const length = varint(bytes.length);
      bytes = Buffer.concat([Buffer.of(0x0a), length, bytes]);
    }
    return bytes;
  };
  const varint = (value: number): Buffer => {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    return Buffer.from([...bytes, rest]);
  };
  interface Deep {
    readonly inner?: Deep;
  }
  const deep: m.Codec<Deep> = m.message({ inner: m.optional<Deep, Deep>(1, () => deep) });

  test("messages within messages, beyond the depth that any request has", () => {
    expect(m.decode(deep, nested(256))).toBeDefined();
    for (const depth of [400, 20_000]) {
      expect(() => m.decode(deep, nested(depth))).toThrow("proto: messages are nested too deeply");
    }
  });

  test("a message that reaches beyond the one it is in", () => {
    // The outer one is two bytes long, the inner one would be nine.
    const bytes = Buffer.from([0x4a, 2, 0x12, 9, ...Buffer.from("too long.")]);
    expect(() => m.decode(outer, bytes)).toThrow("unexpected EOF");
  });

  test("a field of another type than its own, by its name", () => {
    expect(() => m.decode(outer, Buffer.from([0x28, 1]))).toThrow(
      "proto: wrong wireType = 0 for field Bytes",
    );
  });
});
