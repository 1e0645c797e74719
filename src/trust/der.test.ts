import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bitString,
  der,
  integer,
  oid,
  readValue,
  readValues,
  sequence,
  TAG,
  tagged,
  time,
  utf8,
} from "./der.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (maxLength = 300) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

describe("what is written", () => {
  test.for([
    [0x7f, "7f"],
    [0x80, "8180"],
    [0xff, "81ff"],
    [0x100, "820100"],
    [0xffff, "82ffff"],
    [0x10000, "83010000"],
  ] as const)("a length of %d is %s", ([length, written]) => {
    expect(hex(der(TAG.octetString, Buffer.alloc(length))).slice(2, 2 + written.length)).toBe(written);
  });

  test.for([
    ["00", "020100"],
    ["7f", "02017f"],
    ["80", "02020080"],
    ["0001", "020101"],
    ["00ff", "020200ff"],
    ["0000", "020100"],
    ["", "020100"],
  ] as const)("the number %s is positive and has no byte too many", ([digits, written]) => {
    expect(hex(integer(Buffer.from(digits, "hex")))).toBe(written);
  });

  test.for([
    ["2.5.4.3", "0603550403"],
    ["2.5.29.37", "0603551d25"],
    ["1.2.840.10045.4.3.2", "06082a8648ce3d040302"],
    ["1.3.6.1.5.5.7.3.1", "06082b06010505070301"],
  ] as const)("the object identifier %s is %s", ([dotted, written]) => {
    expect(hex(oid(dotted))).toBe(written);
  });

  test.for([
    ["2049-12-31T23:59:59.999Z", TAG.utcTime, "491231235959Z"],
    ["2050-01-01T00:00:00Z", TAG.generalizedTime, "20500101000000Z"],
    ["1970-01-01T00:00:00Z", TAG.utcTime, "700101000000Z"],
    ["1949-12-31T23:59:59Z", TAG.generalizedTime, "19491231235959Z"],
  ] as const)("%s has as many digits of its year as it needs", ([date, tag, digits]) => {
    expect(readValue(time(new Date(date)))).toMatchObject({ tag, content: Buffer.from(digits) });
  });

  test("bits say how many of the last are unused", () => {
    expect(hex(bitString(Buffer.of(0x06), 1))).toBe("03020106");
  });

  test("a tag of its place stands around the value, or in place of its own", () => {
    expect(hex(tagged(3, "explicit", integer(Buffer.of(2))))).toBe("a303020102");
    expect(hex(tagged(2, "implicit", Buffer.from("a")))).toBe("820161");
    expect(hex(tagged(0, "explicit"))).toBe("a000");
  });
});

describe("what is read", () => {
  test("is what was written, whatever its length", () => {
    fc.assert(
      fc.property(bytes(70_000), (content) => {
        const written = der(TAG.octetString, content);
        expect(readValue(written)).toEqual({ tag: TAG.octetString, content, whole: written });
      }),
      { numRuns: 50 },
    );
  });

  test("has its members in their order, each whole", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (texts) => {
        const members = texts.map((text) => utf8(text));
        const found = readValues(readValue(sequence(...members)).content);
        expect(found.map(({ whole }) => hex(whole))).toEqual(members.map(hex));
        expect(found.map(({ content }) => content.toString("utf8"))).toEqual(
          texts.map((text) => toUtf8(text)),
        );
      }),
    );
  });

  test("ends where it says: what stops before, or goes on, is refused", () => {
    fc.assert(
      fc.property(bytes(), fc.nat(), bytes(5), (content, cut, more) => {
        const written = der(TAG.octetString, content);
        expect(() => readValue(written.subarray(0, cut % written.length))).toThrow(RangeError);
        fc.pre(more.length > 0);
        expect(() => readValue(Buffer.concat([written, more]))).toThrow(RangeError);
      }),
    );
  });

  test.for(["3080", "30ff", "3085000000000100", "30", ""])("no length of DER, or none at all: %s", (text) => {
    expect(() => readValue(Buffer.from(text, "hex"))).toThrow(RangeError);
  });

  test("of any bytes is values that are those bytes, or nothing", () => {
    fc.assert(
      fc.property(bytes(40), (any) => {
        let found: string;
        try {
          found = readValues(any)
            .map(({ whole }) => hex(whole))
            .join("");
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        expect(found).toBe(hex(any));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Half of a surrogate pair is no character; UTF-8 has a mark in its place. */
function toUtf8(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}
