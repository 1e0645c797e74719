/**
 * The directory of the embedded store: `store.db` says which format it has and keeps everybody else out, `log/` has the
 * store itself.
 *
 * The lock is SQLite's on `store.db`, which the kernel gives up when the process ends. In format 1 the file was the store;
 * since format 2 it is an empty database, which versions that know format 1 only refuse. It is made under another name
 * and renamed when it is complete, so that an empty or half made file under its own name can only be damage.
 */
import { existsSync } from "node:fs";
import { link, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "#base/errors.ts";
import { syncDirectory } from "#host/files.ts";
import { damaged, tooNew } from "./damage.ts";
import { FORMAT } from "./log-format.ts";

const LOCK_FILE = "store.db";
const LOG_DIRECTORY = "log";
/** "FLOT"; tells the file from other SQLite files. */
const APPLICATION_ID = 0x464c4f54;

/** SQLite's result codes (https://www.sqlite.org/rescode.html). */
const SQLITE = { busy: 5, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

export interface StoreDirectory {
  /** Held until it is closed. */
  readonly lock: DatabaseSync;
  readonly lockPath: string;
  readonly logPath: string;
  /** 0 while there is no store yet. */
  readonly format: number;
}

/**
 * Opens the directory alone, creating it when it is not there.
 * @throws FlotillaError `store-corrupt`, `store-too-new`, `state-dir-in-use`, `disk-full` or `not-permitted`.
 */
export async function openDirectory(directory: string): Promise<StoreDirectory> {
  const lockPath = join(directory, LOCK_FILE);
  const logPath = join(directory, LOG_DIRECTORY);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (!existsSync(lockPath)) await createLock(directory, lockPath);
    return { ...openLock(lockPath), lockPath, logPath };
  } catch (error) {
    throw describeError(error, lockPath);
  }
}

async function createLock(directory: string, path: string): Promise<void> {
  if (existsSync(`${path}-wal`)) throw damaged(path, `${path} is missing, but its log ${path}-wal is there`);
  const unfinished = `${path}.new`;
  await rm(unfinished, { force: true });
  const database = new DatabaseSync(unfinished);
  try {
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  } finally {
    database.close();
  }
  // Unlike a renamed file, a linked one cannot replace what somebody else has put there meanwhile.
  await link(unfinished, path).catch((error: unknown) => {
    if (!existsSync(path)) throw error;
  });
  await rm(unfinished);
  await syncDirectory(directory);
}

function openLock(path: string): { readonly lock: DatabaseSync; readonly format: number } {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    // Once taken, the lock is kept. Rolled back, so that a file which is no store's stays as it is.
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; ROLLBACK;");
    if (readPragma(lock, "application_id") !== APPLICATION_ID) {
      throw damaged(path, "the file is empty or is not a store's");
    }
    const format = readPragma(lock, "user_version");
    if (format > FORMAT) throw tooNew(path, format, FORMAT);
    return { lock, format };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Notes that the log is there, once it is. */
export function markFormat({ lock, format }: StoreDirectory): void {
  if (format === 0) lock.exec(`PRAGMA user_version = ${FORMAT}`);
}

function readPragma(database: DatabaseSync, name: string): number {
  const value = database.prepare(`PRAGMA ${name}`).get()?.[name];
  return typeof value === "number" ? value : 0;
}

/** The error of SQLite or of the file system as one a user can act on; others are passed through. */
export function describeError(error: unknown, path: string): unknown {
  if (!(error instanceof Error)) return error;
  switch (sqliteCode(error) ?? ("code" in error ? error.code : undefined)) {
    case SQLITE.busy:
      return new FlotillaError("state-dir-in-use", `another process has the store ${path} open`, {
        hint: "stop the other daemon, or give this one another directory",
        cause: error,
      });
    case SQLITE.full:
    case "ENOSPC":
    case "EDQUOT":
      return new FlotillaError("disk-full", `no space left on the disk for the store ${path}`, {
        hint: "free some space; nothing was changed, and writing works again as soon as there is space",
        retryable: true,
        cause: error,
      });
    case SQLITE.corrupt:
    case SQLITE.notADatabase:
      return damaged(path, error.message, error);
    case SQLITE.cannotOpen:
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "ENOTDIR":
      return new FlotillaError("not-permitted", `cannot open the store ${path}`, {
        causes: [error.message],
        hint: "run as a user who may write there",
        cause: error,
      });
    default:
      return error;
  }
}

/** The lower byte is the primary code; the rest says more about it. */
function sqliteCode(error: Error): number | undefined {
  return "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}
