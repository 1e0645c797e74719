/**
 * The store as it was in format 1: rows of a SQLite file. Reads them, and turns such a file into a log in its place.
 *
 * The file's format number is what decides: while it is 1, the rows are the store and any log beside them is an
 * unfinished one. It is changed in the same transaction that drops the rows, after the log is on the disk.
 */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { syncDirectory } from "#host/files.ts";
import type { StoreIdentity } from "../local-store.ts";
import type { Change } from "../mvcc/change.ts";
import type { Bytes, KeyValue } from "../store.ts";
import { damaged } from "./damage.ts";
import { describeError, type StoreDirectory } from "./directory.ts";
import { LogFiller, type LogFillerOptions } from "./log-filler.ts";
import { DamagedContent, FORMAT } from "./log-format.ts";

/** @throws FlotillaError `store-corrupt` when any row is not as it was written; the file is then as it was. */
export async function migrateFormat1(
  { lock, lockPath, logPath }: StoreDirectory,
  options: Omit<LogFillerOptions, "directory" | "identity" | "changes">,
): Promise<void> {
  try {
    await rm(logPath, { recursive: true, force: true });
    await mkdir(logPath, { mode: 0o700 });
    const filler = await LogFiller.begin({
      ...options,
      directory: logPath,
      identity: readIdentity(lock),
      changes: readChanges(lock),
    });
    await copyVersions(lock, filler);
    await syncDirectory(dirname(logPath));
    lock.exec(`
      PRAGMA journal_mode = DELETE;
      BEGIN;
      DROP TABLE version; DROP TABLE lease; DROP TABLE setting;
      PRAGMA user_version = ${FORMAT};
      COMMIT;
      VACUUM;
    `);
  } catch (error) {
    if (error instanceof DamagedContent) throw damaged(lockPath, error.message, error);
    throw describeError(error, lockPath);
  }
}

async function copyVersions(database: DatabaseSync, filler: LogFiller): Promise<void> {
  try {
    for (const row of rows(database, "SELECT * FROM version ORDER BY sequence")) {
      await filler.add(toKeyValue(row));
    }
    await filler.end(0);
  } finally {
    await filler.close();
  }
}

function readIdentity(database: DatabaseSync): StoreIdentity {
  return { clusterId: readSetting(database, "cluster_id"), memberId: readSetting(database, "member_id") };
}

function readSetting(database: DatabaseSync, name: string): bigint {
  for (const row of rows(database, "SELECT name, value FROM setting")) {
    if (row.name === name) return integer(row.value);
  }
  throw new DamagedContent(`the setting ${name} is missing`);
}

function readChanges(database: DatabaseSync): Change[] {
  const changes: Change[] = [];
  for (const row of rows(database, "SELECT id, ttl_s FROM lease")) {
    changes.push({ kind: "lease-grant", id: integer(row.id), ttlS: Number(integer(row.ttl_s)) });
  }
  for (const row of rows(database, "SELECT name, value FROM setting")) {
    if (row.name === "compact_revision") {
      changes.push({ kind: "compact", revision: Number(integer(row.value)) });
    }
  }
  return changes;
}

function toKeyValue(row: Record<string, unknown>): KeyValue {
  const sequence = integer(row.sequence);
  const kv = {
    key: blob(row.key),
    value: blob(row.value),
    createRevision: integer(row.create_revision),
    modRevision: integer(row.mod_revision),
    version: integer(row.version),
    lease: integer(row.lease),
  };
  if (integer(row.checksum) !== BigInt(checksum(sequence, kv))) {
    throw new DamagedContent(`the checksum of write ${sequence} does not match`);
  }
  return kv;
}

function* rows(database: DatabaseSync, sql: string): Generator<Record<string, unknown>, void, undefined> {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  yield* statement.iterate();
}

function integer(value: unknown): bigint {
  if (typeof value !== "bigint") throw new DamagedContent("a number is missing");
  return value;
}

function blob(value: unknown): Bytes {
  if (!(value instanceof Uint8Array)) throw new DamagedContent("a key or value is missing");
  return value;
}

/** Covers everything in a row. */
function checksum(sequence: bigint, kv: KeyValue): number {
  const numbers = [sequence, kv.modRevision, kv.createRevision, kv.version, kv.lease];
  const head = new Uint8Array(BigInt64Array.from(numbers).buffer);
  return crc32(kv.value, crc32(kv.key, crc32(head)));
}
