/**
 * The changes of the store as rows of its file: one transaction, and so one sync of the disk, for each group.
 *
 * Invariants: a row is written once and never changed; rows leave only after compaction forgot them. An error of the
 * disk that leaves unknown what was written ends all writing until the file has been opened and read again.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { StoreIdentity } from "../local-store.ts";
import { refusal } from "../mvcc/etcd-errors.ts";
import type { Change } from "../mvcc/history.ts";
import { type Journal, newIdentity } from "../mvcc/mvcc-store.ts";
import { MvccState } from "../mvcc/state.ts";
import type { Bytes, KeyValue } from "../store.ts";
import { damaged, describeDatabaseError, readPragma } from "./database.ts";

const FORGET_SLICE_ROWS = 1_000;
const COMPACT_REVISION = "compact_revision";

export class SqliteJournal implements Journal {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #insertVersion: StatementSync;
  readonly #insertLease: StatementSync;
  readonly #deleteLease: StatementSync;
  readonly #setSetting: StatementSync;
  readonly #deleteVersion: StatementSync;
  #forgotten: number[] = [];
  #forgetting: NodeJS.Immediate | undefined;
  #broken: Error | undefined;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#insertVersion = database.prepare("INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#insertLease = database.prepare("INSERT INTO lease VALUES (?, ?)");
    this.#deleteLease = database.prepare("DELETE FROM lease WHERE id = ?");
    this.#setSetting = database.prepare("INSERT OR REPLACE INTO setting VALUES (?, ?)");
    this.#deleteVersion = database.prepare("DELETE FROM version WHERE sequence = ?");
  }

  get sizeBytes(): number {
    return readPragma(this.#database, "page_count") * readPragma(this.#database, "page_size");
  }

  /** @throws StoreError when the disk is full, FlotillaError when it failed in another way. */
  append(changes: readonly Change[]): void {
    this.#transaction(() => {
      for (const change of changes) this.#appendOne(change);
    });
  }

  forget(sequences: readonly number[]): void {
    for (const sequence of sequences) this.#forgotten.push(sequence);
    this.#forgetting ??= setImmediate(() => this.#forgetSlice());
  }

  close(): void {
    clearImmediate(this.#forgetting);
    this.#database.close();
  }

  #appendOne(change: Change): void {
    switch (change.kind) {
      case "version": {
        const { sequence, kv } = change.version;
        const { modRevision, createRevision, version, lease, key, value } = kv;
        const sum = checksum(sequence, kv);
        this.#insertVersion.run(sequence, modRevision, createRevision, version, lease, sum, key, value);
        break;
      }
      case "lease-grant":
        this.#insertLease.run(change.id, change.ttlS);
        break;
      case "lease-revoke":
        this.#deleteLease.run(change.id);
        break;
      case "compact":
        this.#setSetting.run(COMPACT_REVISION, change.revision);
    }
  }

  /** Deletes some of the forgotten rows; those left over by an error or a crash are found again on opening. */
  #forgetSlice(): void {
    this.#forgetting = undefined;
    const slice = this.#forgotten.slice(-FORGET_SLICE_ROWS);
    try {
      this.#transaction(() => {
        for (const sequence of slice) this.#deleteVersion.run(sequence);
      });
    } catch {
      return;
    }
    this.#forgotten.length -= slice.length;
    if (this.#forgotten.length > 0) this.#forgetting = setImmediate(() => this.#forgetSlice());
  }

  #transaction(body: () => void): void {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      body();
      this.#database.exec("COMMIT");
    } catch (error) {
      throw this.#fail(describeDatabaseError(error, this.#path));
    }
  }

  #fail(error: unknown): Error {
    try {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      if (error instanceof FlotillaError && error.code === "disk-full") return refusal("no-space", error);
    } catch (rollbackError) {
      return this.#break(rollbackError);
    }
    return this.#break(error);
  }

  #break(error: unknown): Error {
    this.#broken = new FlotillaError("internal", `the store ${this.#path} can no longer be written`, {
      causes: [error instanceof Error ? error.message : String(error)],
      hint: "look at the disk, then restart the daemon; nothing that was acknowledged is lost",
      cause: error,
    });
    return this.#broken;
  }
}

/** The identity kept in the file; a new one is put there when there is none yet. */
export function loadIdentity(database: DatabaseSync, random: Random): StoreIdentity {
  const fresh = newIdentity(random);
  const keep = database.prepare("INSERT OR IGNORE INTO setting VALUES (?, ?)");
  keep.run("cluster_id", fresh.clusterId);
  keep.run("member_id", fresh.memberId);
  return { clusterId: readSetting(database, "cluster_id"), memberId: readSetting(database, "member_id") };
}

function readSetting(database: DatabaseSync, name: string): bigint {
  const statement = database.prepare("SELECT value FROM setting WHERE name = ?");
  statement.setReadBigInts(true);
  return integer(statement.get(name)?.value);
}

/**
 * Reads the whole file into a state.
 * @throws FlotillaError `store-corrupt` when any of it is not as it was written.
 */
export function loadState(database: DatabaseSync, path: string): MvccState {
  try {
    const state = new MvccState();
    for (const row of rows(database, "SELECT id, ttl_s FROM lease")) {
      state.leases.add(integer(row.id), Number(integer(row.ttl_s)), 0);
    }
    for (const row of rows(database, "SELECT * FROM version ORDER BY sequence")) loadVersion(state, row);
    for (const row of rows(database, "SELECT name, value FROM setting")) {
      if (row.name === COMPACT_REVISION) state.loadCompaction(integer(row.value));
    }
    return state;
  } catch (error) {
    if (error instanceof DamagedRow) throw damaged(path, error.message);
    throw describeDatabaseError(error, path);
  }
}

function loadVersion(state: MvccState, row: Record<string, unknown>): void {
  const sequence = Number(integer(row.sequence));
  const kv = {
    key: blob(row.key),
    value: blob(row.value),
    createRevision: integer(row.create_revision),
    modRevision: integer(row.mod_revision),
    version: integer(row.version),
    lease: integer(row.lease),
  };
  if (integer(row.checksum) !== BigInt(checksum(sequence, kv))) {
    throw new DamagedRow(`the checksum of write ${sequence} does not match`);
  }
  if (kv.modRevision < state.revision) throw new DamagedRow(`write ${sequence} is out of order`);
  state.load(kv, kv.version === 0n, sequence);
}

class DamagedRow extends Error {}

function* rows(database: DatabaseSync, sql: string): Generator<Record<string, unknown>, void, undefined> {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  yield* statement.iterate();
}

function integer(value: unknown): bigint {
  if (typeof value !== "bigint") throw new DamagedRow("a number is missing");
  return value;
}

function blob(value: unknown): Bytes {
  if (!(value instanceof Uint8Array)) throw new DamagedRow("a key or value is missing");
  return value;
}

/** Covers everything in a row. */
function checksum(sequence: number, kv: KeyValue): number {
  const numbers = [BigInt(sequence), kv.modRevision, kv.createRevision, kv.version, kv.lease];
  const head = new Uint8Array(BigInt64Array.from(numbers).buffer);
  return crc32(kv.value, crc32(kv.key, crc32(head)));
}
