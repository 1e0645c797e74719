import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { prefixEnd, prefixRange, TO_THE_END, toBytes, toText } from "./keys.ts";

test("a text is there again after its way through bytes, as a TextEncoder writes them", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(toBytes(text)).toEqual(new TextEncoder().encode(text));
      expect(toText(toBytes(text))).toBe(text);
    }),
  );
});

describe("the end of a prefix", () => {
  const bytes = fc.uint8Array({ maxLength: 6 });

  test("is after every key with the prefix and not after the next one without", () => {
    fc.assert(
      fc.property(bytes, bytes, (prefix, rest) => {
        const end = prefixEnd(prefix);
        if (end === TO_THE_END) return;
        expect(Buffer.compare(Buffer.concat([prefix, rest]), end)).toBeLessThan(0);
        expect(Buffer.compare(Buffer.concat([prefix, new Uint8Array(8).fill(255)]), end)).toBeLessThan(0);
        expect(prefix.subarray(0, end.length)).not.toEqual(end);
      }),
    );
  });

  test("is the end of all keys where no byte can be raised", () => {
    expect(prefixEnd(toBytes(""))).toBe(TO_THE_END);
    expect(prefixEnd(new Uint8Array([255, 255]))).toBe(TO_THE_END);
    expect(prefixRange("")).toEqual({ key: TO_THE_END, rangeEnd: TO_THE_END });
  });

  test("leaves the prefix as it was, a Buffer's too, whose slices are views", () => {
    const prefix = Buffer.from("units/");
    expect(toText(prefixEnd(prefix))).toBe("units0");
    expect(prefix.toString()).toBe("units/");
  });
});
