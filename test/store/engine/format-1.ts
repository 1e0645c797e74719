/** Makes the store that a version with format 1 would have left: rows of a SQLite file in WAL mode. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";

export interface Row {
  readonly modRevision: bigint;
  readonly createRevision: bigint;
  readonly version: bigint;
  readonly lease: bigint;
  readonly key: string;
  readonly value: string;
}

export interface Format1 {
  readonly rows: readonly Row[];
  readonly leases?: readonly (readonly [bigint, number])[];
  readonly compactRevision?: bigint;
}

export const IDENTITY = { clusterId: 0x1234n, memberId: 0x5678n };

/** Returns the path of the file. */
export function writeFormat1(directory: string, { rows, leases = [], compactRevision }: Format1): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "store.db");
  const database = new DatabaseSync(path);
  database.exec(`
    CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl_s INTEGER NOT NULL) STRICT;
    CREATE TABLE version (
      sequence INTEGER PRIMARY KEY, mod_revision INTEGER NOT NULL, create_revision INTEGER NOT NULL,
      version INTEGER NOT NULL, lease INTEGER NOT NULL, checksum INTEGER NOT NULL,
      key BLOB NOT NULL, value BLOB NOT NULL
    ) STRICT;
    PRAGMA application_id = 0x464c4f54; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;
  `);
  database.exec("BEGIN");
  const set = database.prepare("INSERT INTO setting VALUES (?, ?)");
  set.run("cluster_id", IDENTITY.clusterId);
  set.run("member_id", IDENTITY.memberId);
  if (compactRevision !== undefined) set.run("compact_revision", compactRevision);
  for (const [id, ttlS] of leases) database.prepare("INSERT INTO lease VALUES (?, ?)").run(id, ttlS);
  const insert = database.prepare("INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (const [at, row] of rows.entries()) {
    const sequence = at + 1;
    const { modRevision, createRevision, version, lease } = row;
    const [key, value] = [Buffer.from(row.key), Buffer.from(row.value)];
    const head = BigInt64Array.from([BigInt(sequence), modRevision, createRevision, version, lease]);
    const checksum = crc32(value, crc32(key, crc32(new Uint8Array(head.buffer))));
    insert.run(sequence, modRevision, createRevision, version, lease, checksum, key, value);
  }
  database.exec("COMMIT");
  database.close();
  return path;
}
