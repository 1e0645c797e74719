import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseInteger } from "./number.ts";

describe("parseInteger", () => {
  test.each([
    ["0", 0],
    ["5", 5],
    ["+5", 5],
    ["-5", -5],
    ["-0", 0],
    [" 7", 7],
    ["0x1F", 31],
    ["0X1f", 31],
    ["010", 8],
    ["0o17", 15],
    ["0b101", 5],
    ["-0x10", -16],
  ])("%j is %d", (text, number) => {
    expect(parseInteger(text, -100, 100)).toBe(number);
  });

  test.each(["", " ", "-", "a", "5a", "5 ", "5.0", "09", "0xg", "0b2", "--5", "1e3", "0x", "∞"])(
    "%j is no number",
    (text) => {
      expect(parseInteger(text, -100, 100)).toBe("Invalid argument");
    },
  );

  test.each(["101", "-101", "18446744073709551616"])("%s is out of range", (text) => {
    expect(parseInteger(text, -100, 100)).toBe("Numerical result out of range");
  });

  test("every whole number is read back as it was written", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (number) => {
        expect(parseInteger(String(number), Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).toBe(
          number + 0,
        );
      }),
    );
  });
});
