import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCursor, formatLine, parseChunk, parseCursor, parseLine } from "./format.ts";

const START = { file: 3, offset: 100 };

test("a line the supervisor writes is read back as it was meant", () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !text.includes("\n")),
      fc.integer({ min: 0, max: 7 }),
      (text, priority) => {
        const line = formatLine(1_700_000_000_000_123, priority, text).slice(0, -1);
        expect(parseLine("a.service", line, START)).toEqual({
          cursor: "3-100",
          timeUs: 1_700_000_000_000_123,
          unit: "a.service",
          stream: "supervisor",
          priority,
          message: text,
        });
      },
    ),
  );
});

test("a chunk ends behind its last whole line, and damaged lines are passed over", () => {
  const text = "12 o 6 7 hällo\nrubbish\n13 e 3 7 more\n14 o 6 7 unfin";
  const { entries, end } = parseChunk("a.service", new TextEncoder().encode(text), START);
  expect(entries.map(({ message, stream, pid }) => [message, stream, pid])).toEqual([
    ["hällo", "stdout", 7],
    ["more", "stderr", 7],
  ]);
  expect(end.offset).toBe(START.offset + new TextEncoder().encode(text).length - "14 o 6 7 unfin".length);
  expect(entries.at(-1)?.cursor).toBe(formatCursor(end));
});

test("a cursor is a file and a place in it, and nothing else is a cursor", () => {
  expect(parseCursor(formatCursor(START))).toEqual(START);
  for (const text of ["", "1", "1-", "a-b", "1-2-3", "-1-2"]) expect(parseCursor(text)).toBeUndefined();
});
