import { expect, test } from "vitest";
import { decodeUnitFile } from "./decode.ts";

function bytes(...parts: readonly (string | number)[]): Uint8Array {
  const encoder = new TextEncoder();
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === "number" ? [part] : [...encoder.encode(part)])),
  );
}

test("good text comes back whole, its BOM included", () => {
  expect(decodeUnitFile(bytes(0xef, 0xbb, 0xbf, "[Unit]\nä=ö\n"), 100)).toEqual({
    text: "\uFEFF[Unit]\nä=ö\n",
    diagnostics: [],
  });
});

test.each([
  [bytes("[Unit]\nk=", 0xff, "\n"), 2, 3, "a byte that begins no character"],
  [bytes("[Unit]\nk=ä", 0xc3, "x\n"), 2, 4, "a character broken off"],
  [bytes("[Unit]\nk=", 0xe2, 0x82), 2, 3, "a character cut off by the end"],
  [bytes("[Unit]\nk=", 0xed, 0xa0, 0x80, "\n"), 2, 3, "half of a surrogate pair"],
  [bytes(0xff, 0xfe, "["), 1, 1, "UTF-16"],
])("%o is not UTF-8, and where", (input, line, column) => {
  const { text, diagnostics } = decodeUnitFile(input, 100, "a.service");
  expect(text).toBe("");
  expect(diagnostics).toEqual([
    {
      severity: "error",
      code: "not-text",
      message: "The file is not valid UTF-8.",
      place: { file: "a.service", line, column },
    },
  ]);
});

test("a NUL byte means a binary file", () => {
  const [diagnostic] = decodeUnitFile(bytes("a\nb", 0, "c"), 100).diagnostics;
  expect(diagnostic).toMatchObject({ code: "not-text", place: { line: 2, column: 2 } });
  expect(diagnostic?.message).toContain("binary");
});

test("the limit is the last size that is taken", () => {
  expect(decodeUnitFile(bytes("12345"), 5).diagnostics).toEqual([]);
  const [diagnostic] = decodeUnitFile(bytes("123456"), 5).diagnostics;
  expect(diagnostic).toMatchObject({ severity: "error", code: "unit-too-large" });
  expect(diagnostic?.message).toBe("The file has 6 bytes, more than the limit of 5.");
});
