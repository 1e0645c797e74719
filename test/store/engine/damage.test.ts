/** Files that are not as they were written: cut off, changed, missing, another store's, a newer version's. */
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FlotillaError } from "#base/errors.ts";
import {
  contentOf,
  copyStore,
  logFiles,
  makeFastDirectory,
  openStore,
  readFrames,
  write,
} from "./directories.ts";

let directory: string;
beforeEach(() => {
  directory = makeFastDirectory();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const KEYS = 4;
const lineOf = (count: number): string => `key${count}=${"v".repeat(10)}`;

/** Some keys, each in a group of its own, all in one file. */
async function writeKeys(): Promise<void> {
  const store = await openStore(directory);
  for (let count = 0; count < KEYS; count += 1) await write(store, `key${count}`, "v".repeat(10));
  await store.close();
}

/** How many of the keys are there: a prefix of them, or the store was refused as damaged. */
async function prefixOrRefusal(): Promise<number | "refused"> {
  try {
    const store = await openStore(directory);
    const content = await contentOf(store);
    await store.close();
    expect(content).toEqual(content.map((_, at) => lineOf(at)));
    return content.length;
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
    expect([error.code, error.causes.length, typeof error.hint]).toEqual(["store-corrupt", 1, "string"]);
    return "refused";
  }
}

describe("the file that is written to", () => {
  const zeros = Buffer.alloc(1_000);

  test.each([
    ["cut off", Buffer.alloc(0)],
    ["written no further, with zeros behind it,", zeros],
  ])("%s at any byte opens to a prefix of what was written, or is refused", async (_how, behind) => {
    await writeKeys();
    const [path = ""] = logFiles(directory);
    const whole = readFrames(path);
    const outcomes: (number | "refused")[] = [];
    for (let size = 0; size <= whole.length; size += 1) {
      writeFileSync(path, Buffer.concat([whole.subarray(0, size), behind]));
      outcomes.push(await prefixOrRefusal());
    }
    const refused = outcomes.lastIndexOf("refused") + 1;
    // Only within the header, which is there whole or the file is not there at all.
    expect(outcomes.slice(0, refused)).toEqual(outcomes.slice(0, refused).fill("refused"));
    const numbers = outcomes.slice(refused).map(Number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect([...new Set(numbers)]).toEqual(Array.from({ length: KEYS + 1 }, (_, at) => at));
  });

  test("with any byte changed is refused, or without its end; nothing changed is ever served", async () => {
    await writeKeys();
    const [path = ""] = logFiles(directory);
    const whole = readFrames(path);
    const outcomes = new Set<number | "refused">();
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(path, changed);
      outcomes.add(await prefixOrRefusal());
    }
    // A damaged last frame looks like one that a crash has torn.
    expect(outcomes).toEqual(new Set(["refused", KEYS - 1]));
  });

  test("with something among the zeros behind it opens to all that was written, and is clean again", async () => {
    await writeKeys();
    const [path = ""] = logFiles(directory);
    const whole = readFrames(path);
    for (const at of [0, 1, 500, 999]) {
      const behind = Buffer.alloc(1_000);
      behind[at] = 1;
      writeFileSync(path, Buffer.concat([whole, behind]));
      expect([await prefixOrRefusal(), readFileSync(path).length]).toEqual([KEYS, whole.length]);
    }
  });

  test("that was torn goes on behind what is whole, also when it is torn again", async () => {
    await writeKeys();
    const [path = ""] = logFiles(directory);
    for (const key of ["again", "and again"]) {
      writeFileSync(path, readFrames(path).subarray(0, -3));
      const store = await openStore(directory);
      expect((await contentOf(store)).length).toBe(KEYS - 1);
      await write(store, key);
      await store.close();
    }
    const store = await openStore(directory);
    expect(await contentOf(store)).toContain("and again=");
    await store.close();
  });

  test("is not taken for torn because a value in it looks like a frame", async () => {
    const store = await openStore(directory);
    await write(store, "first");
    const [path = ""] = logFiles(directory);
    const frame = readFrames(path).subarray(-60).toString("latin1");
    await store.put({ key: Buffer.from("frame"), value: Buffer.from(frame, "latin1") });
    await store.close();
    writeFileSync(path, readFrames(path).subarray(0, -1));
    const again = await openStore(directory);
    expect(await contentOf(again)).toEqual(["first="]);
    await again.close();
  });
});

describe("of several files", () => {
  async function writeFiles(): Promise<string[]> {
    const store = await openStore(directory, { fileBytes: 2_000 });
    for (let count = 0; count < 60; count += 1) await write(store, `key${count % 20}`, "v".repeat(100));
    await store.close();
    const files = logFiles(directory);
    expect(files.length).toBeGreaterThan(3);
    return files;
  }

  const refusal = expect.objectContaining({ code: "store-corrupt" });

  test("one that is missing is noticed, but for the last, without which the store is older", async () => {
    const files = await writeFiles();
    for (const path of files.slice(0, -1)) {
      renameSync(path, `${path}.away`);
      await expect(openStore(directory)).rejects.toEqual(refusal);
      renameSync(`${path}.away`, path);
    }
    rmSync(files.at(-1) ?? "");
    const store = await openStore(directory);
    expect(store.revision).toBeLessThan(61n);
    await store.close();
  });

  test("one before the last that is cut off is refused, also between two groups, and so is one with more", async () => {
    const [first = ""] = await writeFiles();
    const whole = readFileSync(first);
    for (let size = 0; size < whole.length; size += 23) {
      writeFileSync(first, whole.subarray(0, size));
      await expect(openStore(directory)).rejects.toEqual(refusal);
    }
    writeFileSync(first, Buffer.concat([whole, Buffer.alloc(1)]));
    await expect(openStore(directory)).rejects.toEqual(refusal);
  });

  test("one that was packed is refused when it is cut off or changed", async () => {
    await writeFiles();
    const store = await openStore(directory, { fileBytes: 2_000 });
    await store.compact(store.revision);
    await store.defragment();
    const before = await contentOf(store);
    await store.close();
    const [packed = ""] = logFiles(directory);
    const whole = readFileSync(packed);
    for (let at = 0; at < whole.length; at += 61) {
      writeFileSync(packed, whole.subarray(0, at));
      await expect(openStore(directory)).rejects.toEqual(refusal);
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      writeFileSync(packed, changed);
      await expect(openStore(directory)).rejects.toEqual(refusal);
    }
    writeFileSync(packed, whole);
    const again = await openStore(directory);
    expect(await contentOf(again)).toEqual(before);
    await again.close();
  });

  test("what a crash while packing has left is put in order", async () => {
    await writeFiles();
    const store = await openStore(directory, { fileBytes: 2_000 });
    await store.compact(store.revision);
    const before = copyStore(directory);
    await store.defragment();
    const content = await contentOf(store);
    await store.close();
    // The files that were packed into the first are still there, and another one is half written.
    const [packed = ""] = logFiles(directory);
    for (const path of logFiles(before)) {
      const target = path.replace(before, directory);
      if (!logFiles(directory).includes(target)) copyFileSync(path, target);
    }
    writeFileSync(`${packed}.new`, "half");
    const again = await openStore(directory);
    expect([await contentOf(again), logFiles(directory).filter((path) => path.endsWith(".new"))]).toEqual([
      content,
      [],
    ]);
    await again.close();
    rmSync(before, { recursive: true });
  });

  test("one of another store is refused by name", async () => {
    const files = await writeFiles();
    const other = makeFastDirectory();
    const store = await openStore(other, { fileBytes: 2_000 });
    for (let count = 0; count < 60; count += 1) await write(store, `key${count % 20}`, "v".repeat(100));
    await store.close();
    copyFileSync(logFiles(other)[1] ?? "", files[1] ?? "");
    await expect(openStore(directory)).rejects.toMatchObject({
      code: "store-foreign",
      message: expect.stringContaining("0002.log"),
    });
    rmSync(other, { recursive: true });
  });
});

describe("a directory", () => {
  test("of another cluster is refused with both clusters, and left as it is", async () => {
    await writeKeys();
    await expect(openStore(directory, { clusterId: 0xabcn })).rejects.toMatchObject({
      code: "store-foreign",
      causes: [expect.stringMatching(/its cluster is [0-9a-f]+, not abc/)],
      hint: expect.any(String),
    });
    expect(await prefixOrRefusal()).toBe(KEYS);
  });

  test("of a newer version is refused as it is, whichever of the files says so", async () => {
    await writeKeys();
    const [path = ""] = logFiles(directory);
    const text = readFileSync(path, "latin1");
    expect(text).toContain('"format":2');
    const database = new DatabaseSync(join(directory, "store.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    await expect(openStore(directory)).rejects.toMatchObject({
      code: "store-too-new",
      causes: [expect.stringContaining("99")],
    });
  });

  test("whose log is gone is refused, and one whose lock file is gone is not", async () => {
    await writeKeys();
    rmSync(join(directory, "store.db"));
    expect(await prefixOrRefusal()).toBe(KEYS);
    rmSync(join(directory, "log"), { recursive: true });
    await expect(openStore(directory)).rejects.toMatchObject({ code: "store-corrupt" });
  });

  test("with a lock file that is no store's, or empty, is refused", async () => {
    await writeKeys();
    for (const text of ["", "this is no database, only a text of some length ".repeat(200)]) {
      writeFileSync(join(directory, "store.db"), text);
      expect(await prefixOrRefusal()).toBe("refused");
      expect(readFileSync(join(directory, "store.db"), "utf8")).toBe(text);
    }
  });

  test("in which a first start broke off is begun anew", async () => {
    await writeKeys();
    rmSync(join(directory, "log"), { recursive: true });
    rmSync(join(directory, "store.db"));
    const database = new DatabaseSync(join(directory, "store.db"));
    database.exec("PRAGMA application_id = 0x464c4f54");
    database.close();
    expect(await prefixOrRefusal()).toBe(0);
  });
});
