import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { receiveSealedFile } from "./sealed-file.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-sealed-"));
  path = join(directory, "backup");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function sealed(content: Uint8Array): Buffer {
  return Buffer.concat([content, createHash("sha256").update(content).digest()]);
}

async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

test("a file is kept whole, in whatever pieces it comes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 50 }),
      async (content, length) => {
        const bytes = sealed(content);
        expect(await receiveSealedFile(path, inPieces(bytes, length))).toBe(bytes.length);
        expect((await readFile(path)).equals(bytes)).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});

test("a file that ends early or is changed on the way is not kept", async () => {
  const bytes = sealed(Buffer.from("content"));
  for (let end = 0; end < bytes.length; end += 1) {
    await expect(receiveSealedFile(path, inPieces(bytes.subarray(0, end), 10))).rejects.toMatchObject({
      code: "store-corrupt",
    });
  }
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  await expect(receiveSealedFile(path, inPieces(bytes, 10))).rejects.toThrow("did not come whole");
  expect(await readdir(directory)).toEqual([]);
});
