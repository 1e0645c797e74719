import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AppendedFile } from "./log-file.ts";

const PADDED_BYTES_MAX = 3 << 20;
let directory: string;
let count = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-log-file-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function appendAll(sizes: readonly number[]) {
  const path = join(directory, `${count++}`);
  const file = await AppendedFile.open(path, { bytes: 0, isClean: true, paddedBytesMax: PADDED_BYTES_MAX });
  const pieces = sizes.map((size, at) => Buffer.alloc(size, 1 + (at % 255)));
  for (const piece of pieces) await file.append([piece.subarray(0, 7), piece.subarray(7)]);
  return { file, path, content: Buffer.concat(pieces) };
}

/** Small ones, which find zeros, and some for which there are none. */
const appended = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 60_000, max: 600_000 })),
  {
    maxLength: 40,
  },
);

test("what was appended stays as it was, with nothing but zeros behind it", async () => {
  await fc.assert(
    fc.asyncProperty(appended, async (sizes) => {
      const { file, path, content } = await appendAll(sizes);
      await file.close();
      const found = readFileSync(path);
      expect(file.bytes).toBe(content.length);
      expect(found.subarray(0, content.length).equals(content)).toBe(true);
      expect(found.subarray(content.length).every((byte) => byte === 0)).toBe(true);
      expect(found.length).toBeLessThanOrEqual(Math.max(content.length, PADDED_BYTES_MAX));
    }),
    { numRuns: 30 },
  );
});

test("there are zeros for small appends before they are needed", async () => {
  const { file, path, content } = await appendAll(Array.from({ length: 12 }, () => 40_000));
  await file.close();
  // The first 512 KiB were more than half used, so that as many more have come.
  expect(content.length).toBeLessThan(512 * 1024);
  expect(readFileSync(path).length).toBe(1024 * 1024);
});

test("a file that is finished ends where what was appended ends, also while more zeros are on their way", async () => {
  const { file, path, content } = await appendAll(Array.from({ length: 8 }, () => 40_000));
  await file.finish();
  expect(readFileSync(path).equals(content)).toBe(true);
  await file.close();
});
