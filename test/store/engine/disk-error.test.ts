/** A disk that fails otherwise than by being full: nothing more is written, what was acknowledged stays. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { contentOf, makeFastDirectory, openStore, write } from "./directories.ts";

let directory: string;
beforeEach(() => {
  directory = makeFastDirectory();
});
afterEach(() => rmSync(directory, { recursive: true }));

interface Told {
  readonly acknowledged: readonly string[];
  readonly first: string;
  readonly second: string;
  readonly readable: number;
}

test("ends all writing, while reading goes on, until the store is opened again with all that was acknowledged", async () => {
  await (await openStore(directory)).close();
  const script = join(import.meta.dirname, "limited-writer.ts");
  // A file that may grow no further is an error that says nothing about what was written.
  const output = execFileSync("prlimit", ["--fsize=20000", process.execPath, script, directory]);
  const { acknowledged, first, second, readable } = JSON.parse(output.toString()) as Told;
  expect(first).toContain("can no longer be written");
  expect(second).toBe(first);
  expect([acknowledged.length > 50, readable]).toEqual([true, acknowledged.length]);
  const store = await openStore(directory);
  expect(await contentOf(store)).toEqual(acknowledged);
  await write(store, "goes on");
  await store.close();
});
