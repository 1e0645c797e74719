/**
 * One daemon a state directory. The lock is SQLite's on a file of its own: the kernel gives it up when the process
 * ends, however it ends, so that there is no stale lock to clear away.
 */

import { access, constants, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "#base/errors.ts";
import { describeFileError, writeFileAtomic } from "#host/files.ts";

export interface DirectoryLock {
  release(): void;
}

/** SQLite's result codes (https://sqlite.org/rescode.html). */
const BUSY = 5;
const FULL = 13;
const CANNOT_OPEN = 14;

/** @throws FlotillaError `state-dir-in-use` when another daemon holds the directory; `not-permitted`, `disk-full` */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const holder = join(directory, "daemon.pid");
  const database = await openLocked(directory).catch(async (error: unknown) => {
    if (codeOf(error) !== BUSY) throw error;
    const pid = (await readFile(holder, "utf8").catch(() => "unknown")).trim();
    throw new FlotillaError("state-dir-in-use", `another daemon (pid ${pid}) works on ${directory}`, {
      hint: "stop it first, or give this one another directory with --dir",
      cause: error,
    });
  });
  try {
    await writeFileAtomic(holder, `${process.pid}\n`, 0o644);
  } catch (error) {
    database.close();
    throw error;
  }
  return { release: () => database.close() };
}

async function openLocked(directory: string): Promise<DatabaseSync> {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, "lock"));
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
    return database;
  } catch (error) {
    database?.close();
    if (codeOf(error) === FULL) throw noSpace(directory, error);
    // SQLite does not tell why it cannot open a file.
    if (codeOf(error) === CANNOT_OPEN) await checkWritable(directory);
    throw error;
  }
}

function noSpace(directory: string, cause: unknown): FlotillaError {
  return new FlotillaError(
    "disk-full",
    `no space left on the disk while writing ${join(directory, "lock")}`,
    {
      hint: "free some space; nothing was changed",
      retryable: true,
      cause,
    },
  );
}

async function checkWritable(directory: string): Promise<void> {
  await access(directory, constants.W_OK | constants.X_OK).catch((denied: unknown) => {
    throw describeFileError(denied, directory);
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "errcode" in error ? error.errcode : undefined;
}
