/**
 * Files that belong to this program and are no part of its JavaScript: beside the code in a checkout and its bundle,
 * inside the file in the single executable.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getAssetKeys, getRawAsset, isSea } from "node:sea";

const PROGRAMS = "programs/";

/** Where the executable that asks was started from; undefined in a checkout. */
export function executablePath(): string | undefined {
  return isSea() ? process.execPath : undefined;
}

/** The text of a file inside the executable; undefined in a checkout. */
export function assetText(name: string): string | undefined {
  return isSea() ? Buffer.from(getRawAsset(name)).toString() : undefined;
}

/**
 * The folder of the programs in other languages, such as the shims'.
 *
 * The executable's are written out, into a folder of their own for each version of them: the shims of an earlier
 * executable go on, and load from theirs what they have not needed yet. Files that a power cut has left in part are
 * written again.
 * @param beside where they are in a checkout and its bundle
 * @param runDirectory where they are written to
 */
export function programFolder(beside: string, runDirectory: string): string {
  if (!isSea()) return beside;
  const keys = getAssetKeys().filter((key) => key.startsWith(PROGRAMS));
  const files = keys.toSorted().map((key) => [key.slice(PROGRAMS.length), bytesOf(key)] as const);
  return writeOut(files, join(runDirectory, "programs"));
}

/** Writes the files below `parent` and returns their folder, which is named by their content. */
export function writeOut(files: readonly (readonly [name: string, bytes: Buffer])[], parent: string): string {
  const hash = createHash("sha256");
  for (const [name, bytes] of files) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  const folder = join(parent, hash.digest("hex").slice(0, 16));
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const [name, bytes] of files) {
    const path = join(folder, name);
    if (isWritten(path, bytes)) continue;
    writeFileSync(`${path}.new`, bytes, { mode: 0o644 });
    renameSync(`${path}.new`, path);
  }
  return folder;
}

const bytesOf = (key: string): Buffer => Buffer.from(getRawAsset(key));

function isWritten(path: string, bytes: Buffer): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}
