import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeFileError, makeDirectories, writeFileAtomic } from "./files.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-files-"));
});
afterEach(() => rm(directory, { recursive: true }));

const isRoot = process.getuid?.() === 0;

describe("writeFileAtomic", () => {
  test("replaces what was there, and leaves nothing beside it", async () => {
    const path = join(directory, "file");
    await writeFileAtomic(path, "old, and longer than the new");
    await writeFileAtomic(path, "new");
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await readdir(directory)).toEqual(["file"]);
  });

  test("writes for its owner alone unless told otherwise", async () => {
    await writeFileAtomic(join(directory, "own"), "x");
    await writeFileAtomic(join(directory, "all"), "x", 0o644);
    const modes = await Promise.all(["own", "all"].map((name) => stat(join(directory, name))));
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o600, 0o644]);
  });

  test("of many writers at once one wins whole, and none fails", async () => {
    const path = join(directory, "file");
    const contents = Array.from({ length: 20 }, (_, index) => `${index} `.repeat(1_000));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    expect(contents).toContain(await readFile(path, "utf8"));
    expect(await readdir(directory)).toEqual(["file"]);
  });

  test("keeps the old file when the new one cannot be put in its place", async () => {
    const path = join(directory, "taken");
    await mkdir(path);
    await writeFile(join(path, "inside"), "old");
    await expect(writeFileAtomic(path, "new")).rejects.toThrow(/EISDIR|directory/);
    expect(await readdir(directory)).toEqual(["taken"]);
    expect(await readFile(join(path, "inside"), "utf8")).toBe("old");
  });

  test.runIf(isRoot)("keeps the old file when the disk is full, and says so", async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]);
    try {
      const path = join(directory, "file");
      await writeFileAtomic(path, "old");
      const refused = writeFileAtomic(path, Buffer.alloc(256 << 10));
      await expect(refused).rejects.toMatchObject({ code: "disk-full", retryable: true });
      await expect(refused).rejects.toThrow(path);
      expect(await readFile(path, "utf8")).toBe("old");
      expect(await readdir(directory)).toEqual(["file"]);
    } finally {
      execFileSync("umount", [directory]);
    }
  });

  test("says who may not write where", async () => {
    // A mode does not keep root out; a file system that cannot be written does.
    if (isRoot) execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", directory]);
    else await chmod(directory, 0o500);
    try {
      await expect(writeFileAtomic(join(directory, "file"), "x")).rejects.toMatchObject({
        code: "not-permitted",
      });
    } finally {
      if (isRoot) execFileSync("umount", [directory]);
      else await chmod(directory, 0o700);
    }
  });
});

describe("describeFileError", () => {
  const failing = (code: string): Error => Object.assign(new Error(code), { code });

  test("knows a full disk, and that the same write may succeed later", () => {
    for (const code of ["ENOSPC", "EDQUOT"]) {
      expect(describeFileError(failing(code), "/some/file")).toMatchObject({
        code: "disk-full",
        retryable: true,
        message: "no space left on the disk while writing /some/file",
      });
    }
  });

  test("knows what is not permitted, and that trying again does not help", () => {
    for (const code of ["EACCES", "EPERM", "EROFS"]) {
      expect(describeFileError(failing(code), "/some/file")).toMatchObject({
        code: "not-permitted",
        retryable: false,
        message: `cannot write /some/file: ${code}`,
      });
    }
  });

  test("passes on what it does not know", () => {
    for (const error of [failing("EIO"), new Error("?"), "text"])
      expect(describeFileError(error, "/some/file")).toBe(error);
  });
});

describe("makeDirectories", () => {
  test("makes what is missing above the directory as well, and keeps what is there", async () => {
    const path = join(directory, "a", "b", "c");
    await makeDirectories(path);
    await writeFile(join(path, "kept"), "");
    await makeDirectories(path);
    expect(await readdir(path)).toEqual(["kept"]);
  });

  test("by several at once fails for none", async () => {
    const path = join(directory, "x", "y");
    await Promise.all(Array.from({ length: 5 }, () => makeDirectories(path)));
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  test("refuses at once where the system takes no directory", async () => {
    await expect(makeDirectories("/proc/flotilla/there")).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("refuses where a file stands", async () => {
    await writeFile(join(directory, "file"), "");
    await expect(makeDirectories(join(directory, "file"))).rejects.toMatchObject({ code: "EEXIST" });
    await expect(makeDirectories(join(directory, "file", "below"))).rejects.toMatchObject({
      code: "ENOTDIR",
    });
  });
});
