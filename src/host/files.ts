/** Files written so that a crash leaves either the old content or the new, never a part. */
import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { FlotillaError } from "#base/errors.ts";

/**
 * Replaces `path` by `content` atomically and durably: temporary file, fsync, rename, fsync of the directory.
 * @throws FlotillaError `disk-full` or `not-permitted`, with the old file untouched.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
): Promise<void> {
  // Its own name, so that two writers of one file cannot take each other's part away.
  const temporary = `${path}.${randomBytes(4).toString("hex")}.new`;
  try {
    await writeDurably(temporary, content, mode);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw describeFileError(error, path);
  }
}

async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, "w", mode);
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes names that were just created or changed in the directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Makes a directory and those above it that are missing; one that is there stays as it is. Node's own recursive mkdir
 * never returns where a parent exists that takes no directories, such as /proc.
 * @throws the operating system's error when it cannot be.
 */
export async function makeDirectories(path: string): Promise<void> {
  try {
    await makeOneDirectory(path);
  } catch (error) {
    const parent = dirname(path);
    if (!hasCode(error, "ENOENT") || parent === path) throw error;
    await makeDirectories(parent);
    await makeOneDirectory(path);
  }
}

async function makeOneDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const isThere = hasCode(error, "EEXIST") && (await stat(path)).isDirectory();
    if (!isThere) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** The operating system's error on a file as one a user can act on; others are passed through. */
export function describeFileError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new FlotillaError("disk-full", `no space left on the disk while writing ${path}`, {
      hint: "free some space; nothing was changed, and the write is tried again",
      retryable: true,
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new FlotillaError("not-permitted", `cannot write ${path}: ${code}`, {
      hint: "run as root or another user who may write there, or choose another directory with --dir",
      cause: error,
    });
  }
  return error;
}
