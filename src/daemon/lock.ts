/**
 * One daemon a state directory. The lock is SQLite's on a file of its own: the kernel gives it up when the process
 * ends, however it ends, so that there is no stale lock to clear away.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "#base/errors.ts";
import { writeFileAtomic } from "#host/files.ts";

export interface DirectoryLock {
  release(): void;
}

/** @throws FlotillaError `state-dir-in-use` when another daemon holds the directory. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const holder = join(directory, "daemon.pid");
  const database = new DatabaseSync(join(directory, "lock"));
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    const pid = (await readFile(holder, "utf8").catch(() => "unknown")).trim();
    throw new FlotillaError("state-dir-in-use", `another daemon (pid ${pid}) works on ${directory}`, {
      hint: "stop it first, or give this one another directory with --dir",
      cause: error,
    });
  }
  await writeFileAtomic(holder, `${process.pid}\n`, 0o644);
  return { release: () => database.close() };
}

/** SQLITE_BUSY is result code 5 (https://sqlite.org/rescode.html#busy). */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 5;
}
