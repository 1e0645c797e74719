/**
 * The file of the embedded store: creating it, opening it alone, refusing it when it cannot be trusted, and saying in
 * the project's terms what went wrong with it.
 *
 * The file is made under another name and renamed when it is complete, so that an empty or half made file under its
 * own name can only be damage and never a new store.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "#base/errors.ts";

const FILE_NAME = "store.db";
/** Raise it when an older version could not read what this one writes. */
const FORMAT_VERSION = 1;
/** "FLOT"; tells the file from other SQLite files. */
const APPLICATION_ID = 0x464c4f54;

const SCHEMA = `
  CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl_s INTEGER NOT NULL) STRICT;
  CREATE TABLE version (
    sequence INTEGER PRIMARY KEY,
    mod_revision INTEGER NOT NULL,
    create_revision INTEGER NOT NULL,
    version INTEGER NOT NULL, -- 0: the key was deleted
    lease INTEGER NOT NULL,
    checksum INTEGER NOT NULL, -- CRC-32 of all the rest
    key BLOB NOT NULL,
    value BLOB NOT NULL
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT_VERSION};
`;

/** SQLite's result codes (https://www.sqlite.org/rescode.html). */
const SQLITE = { busy: 5, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

/**
 * Opens the store's file in `directory`, creating both when they are not there, and keeps everybody else out of it.
 * @throws FlotillaError `store-corrupt`, `store-too-new`, `state-dir-in-use`, `disk-full` or `not-permitted`.
 */
export async function openDatabase(directory: string): Promise<{ database: DatabaseSync; path: string }> {
  const path = join(directory, FILE_NAME);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!existsSync(path)) await createDatabase(directory, path);
    return { database: openExclusively(path), path };
  } catch (error) {
    throw describeDatabaseError(error, path);
  }
}

async function createDatabase(directory: string, path: string): Promise<void> {
  if (existsSync(`${path}-wal`)) throw damaged(path, `${path} is missing, but its log ${path}-wal is there`);
  const unfinished = `${path}.new`;
  rmSync(unfinished, { force: true });
  const database = new DatabaseSync(unfinished);
  try {
    database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
  } finally {
    database.close();
  }
  await rename(unfinished, path);
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function openExclusively(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Exclusive locking also keeps the index of the log in memory instead of in a shared file.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; ROLLBACK;");
    checkFormat(database, path);
    // FULL syncs the log at each commit. The log is written back after every 1000 pages and then cut to its limit.
    // Once it has been read into memory the file is only written, so pages of it are hardly worth keeping (in KiB).
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 1000;
      PRAGMA journal_size_limit = 8388608;
      PRAGMA cache_size = -256;
    `);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function checkFormat(database: DatabaseSync, path: string): void {
  if (readPragma(database, "application_id") !== APPLICATION_ID) {
    throw damaged(path, "the file is empty or is not a store's");
  }
  const version = readPragma(database, "user_version");
  if (version > FORMAT_VERSION) {
    throw new FlotillaError("store-too-new", `${path} was written by a newer version of Flotilla`, {
      causes: [`the file has format ${version}; this version knows formats up to ${FORMAT_VERSION}`],
      hint: "run the newer version again, or restore a backup made by this one",
    });
  }
}

export function readPragma(database: DatabaseSync, name: string): number {
  const value = database.prepare(`PRAGMA ${name}`).get()?.[name];
  return typeof value === "number" ? value : 0;
}

/** The error for a file that cannot be trusted. */
export function damaged(path: string, what: string, cause?: unknown): FlotillaError {
  return new FlotillaError("store-corrupt", `the store's file ${path} is damaged`, {
    causes: [what],
    hint: "restore a backup of the store's directory; move the damaged one away, it may still be of use",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** SQLite's error on the store's file as one a user can act on; others are passed through. */
export function describeDatabaseError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) : undefined;
  if (code === undefined || !(error instanceof Error)) return error;
  // The lower byte is the primary code; the rest says more about it.
  switch (code & 0xff) {
    case SQLITE.busy:
      return new FlotillaError("state-dir-in-use", `another process has the store ${path} open`, {
        hint: "stop the other daemon, or give this one another directory",
        cause: error,
      });
    case SQLITE.full:
      return new FlotillaError("disk-full", `no space left on the disk for the store ${path}`, {
        hint: "free some space; nothing was changed, and writing works again as soon as there is space",
        retryable: true,
        cause: error,
      });
    case SQLITE.corrupt:
    case SQLITE.notADatabase:
      return damaged(path, error.message, error);
    case SQLITE.cannotOpen:
      return new FlotillaError("not-permitted", `cannot open the store ${path}`, {
        causes: [error.message],
        hint: "run as a user who may write there",
        cause: error,
      });
    default:
      return error;
  }
}
