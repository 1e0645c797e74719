import { expect, test } from "vitest";
import { type Diagnostic, hasErrors, inOrder, toError } from "./diagnostic.ts";

function diagnostic(line: number, message: string, more: Partial<Diagnostic> = {}): Diagnostic {
  return { severity: "error", code: "bad-value", message, place: { file: "x", line, column: 1 }, ...more };
}

test("the first error is the message, the others are its causes, warnings are left out", () => {
  const error = toError(
    [diagnostic(1, "w", { severity: "warning" }), diagnostic(2, "a", { hint: "h" }), diagnostic(3, "b")],
    "web.service",
  );
  expect(error.toJSON()).toEqual({
    code: "bad-unit-file",
    message: "web.service: a",
    causes: ["line 3: b"],
    hint: "h",
    place: { file: "web.service", line: 2, column: 1 },
  });
});

test.each([
  ["contradictory-options", "contradictory-options"],
  ["unit-too-large", "unit-too-large"],
  ["bad-unit-name", "bad-unit-name"],
  ["syntax", "bad-unit-file"],
  ["not-text", "bad-unit-file"],
] as const)("a diagnostic %s makes an error %s", (code, expected) => {
  expect(toError([diagnostic(1, "m", { code })], "a").code).toBe(expected);
});

test("without any error it is still one that can be shown", () => {
  expect(toError([], "a.service").message).toContain("a.service");
});

test("only errors refuse a file", () => {
  expect(hasErrors([diagnostic(1, "a", { severity: "warning" })])).toBe(false);
  expect(hasErrors([diagnostic(1, "a")])).toBe(true);
});

test("diagnostics are put in order of lines, each said once", () => {
  const found = inOrder([diagnostic(3, "c"), diagnostic(1, "a"), diagnostic(3, "c"), diagnostic(3, "b")]);
  expect(found.map(({ message }) => message)).toEqual(["a", "c", "b"]);
});
