import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { filesToRemove, type JournalFile, journalLimits, unitShare } from "./limits.ts";

const GIB = 2 ** 30;
const NOW = 1_000_000_000;

function file(unit: string, number: number, changes: Partial<JournalFile> = {}): JournalFile {
  return { unit, number, bytes: 100, writtenMs: NOW, inUse: false, ...changes };
}

const named = (files: readonly JournalFile[]): string[] =>
  files.map(({ unit, number }) => `${unit}${number}`);

describe("how much is kept", () => {
  test("is a tenth of the file system and 4 GiB at most, unless something else is said", () => {
    expect(journalLimits({}, 10 * GIB).maxBytes).toBe(GIB);
    expect(journalLimits({}, 1000 * GIB).maxBytes).toBe(4 * GIB);
    expect(journalLimits({ maxBytes: 5 }, GIB).maxBytes).toBe(5);
    expect(journalLimits({ maxAgeMs: 7 }, GIB).maxAgeMs).toBe(7);
  });

  test("of one unit is an eighth, in files of 16 MiB at most, and two files at least", () => {
    expect(unitShare({ maxBytes: 4 * GIB, maxAgeMs: 100 })).toEqual({
      fileBytes: 16 * 2 ** 20,
      files: 32,
      fileAgeMs: 10,
    });
    expect(unitShare({ maxBytes: 100, maxAgeMs: 100 })).toMatchObject({ fileBytes: 64 * 1024, files: 2 });
  });

  test("of one unit never exceeds an eighth where that has room for two files", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2 ** 20, max: 2 ** 42 }), (maxBytes) => {
        const { fileBytes, files } = unitShare({ maxBytes, maxAgeMs: 1 });
        expect(fileBytes * files).toBeLessThanOrEqual(maxBytes / 8);
      }),
    );
  });
});

describe("what is removed", () => {
  const limits = { maxBytes: 400, maxAgeMs: 1000 };

  test("is nothing while all is young and there is room", () => {
    expect(filesToRemove([file("a", 1), file("a", 2), file("b", 1)], limits, NOW)).toEqual([]);
  });

  test("is what is too old, but not what is written to", () => {
    const old = { writtenMs: NOW - 1001 };
    const files = [file("a", 1, old), file("a", 2, { ...old, inUse: true }), file("b", 1)];
    expect(named(filesToRemove(files, limits, NOW))).toEqual(["a1"]);
  });

  test("is the oldest of the unit that takes most, so that a quiet one keeps what it wrote", () => {
    const files = [file("quiet", 1), ...[1, 2, 3, 4].map((number) => file("loud", number))];
    expect(named(filesToRemove(files, limits, NOW))).toEqual(["loud1"]);
  });

  test("brings the whole below its limit wherever that can be done, and takes no more than it must", () => {
    const anyFile = fc.record({
      unit: fc.constantFrom("a", "b", "c"),
      number: fc.nat(1000),
      bytes: fc.integer({ min: 1, max: 200 }),
      writtenMs: fc.constant(NOW),
      inUse: fc.boolean(),
    });
    const anyFiles = fc.uniqueArray(anyFile, { selector: ({ unit, number }) => `${unit}${number}` });
    fc.assert(
      fc.property(anyFiles, (files) => {
        const removed = filesToRemove(files, limits, NOW);
        const size = (some: readonly JournalFile[]): number =>
          some.reduce((sum, { bytes }) => sum + bytes, 0);
        const left = size(files) - size(removed);
        const couldGo = files.filter(({ inUse }) => !inUse).length - removed.length;
        expect(removed.every(({ inUse }) => !inUse)).toBe(true);
        expect(left <= limits.maxBytes || couldGo === 0).toBe(true);
        const last = removed.at(-1);
        if (last !== undefined) expect(left + last.bytes).toBeGreaterThan(limits.maxBytes);
      }),
    );
  });
});
