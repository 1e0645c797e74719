import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys } from "#model/keys.ts";
import { toBytes } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import type { Store } from "#store/store.ts";
import { directoryCache, type FileCache, hashOf, readUnitFile } from "./unit-files.ts";

const TEXT = "[Service]\nExecStart=/bin/true\n";
const HASH = hashOf(TEXT);

let root: string;
let directory: string;
let cache: FileCache;
let store: Store;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "flotilla-unit-files-"));
  directory = join(root, "files");
  cache = directoryCache(directory);
  store = createMemoryStore({ clock: new VirtualClock(), random: seededRandom(1) });
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true });
});

test("hashOf is the SHA-256 of the bytes", () => {
  expect(hashOf("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(hashOf("é")).toBe(hashOf(toBytes("é")));
});

describe("directoryCache", () => {
  test("has nothing before it is written, and keeps what is", async () => {
    expect(await cache.read(HASH)).toBe(undefined);
    await cache.write(HASH, TEXT);
    expect(await directoryCache(directory).read(HASH)).toBe(TEXT);
  });

  test("counts a file whose text has another hash as missing", async () => {
    await cache.write(HASH, TEXT);
    await writeFile(join(directory, HASH), TEXT.slice(0, 10));
    expect(await cache.read(HASH)).toBe(undefined);
  });

  test("forgets every file but those it is told to keep", async () => {
    const other = hashOf("other");
    await cache.write(HASH, TEXT);
    await cache.write(other, "other");
    await cache.keep(new Set([HASH]));
    expect(await readdir(directory)).toEqual([HASH]);
  });

  test("leaves alone a file that is to be kept and is just being written", async () => {
    await cache.write(hashOf("other"), "other");
    await writeFile(join(directory, `${HASH}.0a0b0c0d.new`), "half");
    await cache.keep(new Set([HASH]));
    expect(await readdir(directory)).toEqual([`${HASH}.0a0b0c0d.new`]);
  });

  test("has nothing to forget where nothing was ever written", async () => {
    await cache.keep(new Set());
    expect(await readdir(root)).toEqual([]);
  });
});

describe("readUnitFile", () => {
  const put = (text: string): Promise<unknown> =>
    store.put({ key: toBytes(keys.file(HASH)), value: toBytes(text) });

  test("takes the text from the store once, and from the disk from then on", async () => {
    await put(TEXT);
    expect(await readUnitFile(cache, store, HASH)).toBe(TEXT);
    await store.close();
    expect(await readUnitFile(cache, store, HASH)).toBe(TEXT);
  });

  test("says that the store has no such file, which may yet come", async () => {
    await expect(readUnitFile(cache, store, HASH)).rejects.toMatchObject({
      code: "not-found",
      message: `the store has no unit file ${HASH.slice(0, 7)}`,
      retryable: true,
    });
  });

  test("refuses bytes that are not what their hash says, and keeps nothing of them", async () => {
    await put("something else");
    await expect(readUnitFile(cache, store, HASH)).rejects.toMatchObject({ code: "store-corrupt" });
    expect(await cache.read(HASH)).toBe(undefined);
  });
});
