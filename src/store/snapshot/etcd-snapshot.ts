/**
 * The whole store as etcd's own snapshot, and back: the database file of an etcd 3.4 with a SHA-256 of it at its end.
 * `etcdctl snapshot status` and `restore` take what is written here, and what they save is read here.
 */
import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import type { LocalStore, SnapshotItem } from "../local-store.ts";
import { StoreError } from "../store.ts";
import { BoltReader, DamagedBolt } from "./bolt-reader.ts";
import { bytesOf, DatabaseFile } from "./database-file.ts";
import { readEtcdDatabase } from "./etcd-database.ts";

/** What etcd sends at a time. */
const BLOB_BYTES = 32 * 1024;
const HASH_BYTES = 32;
/** Etcd tells a file with a checksum from one without by what its size is beyond whole sectors. */
const SECTOR_BYTES = 512;
const PIECE_ITEMS = 256;

export interface SnapshotPiece {
  readonly blob: Buffer;
  readonly remainingBytes: number;
}

/** The pieces of a snapshot as Maintenance.Snapshot sends them; the last is the checksum. */
export async function* etcdSnapshot(
  store: Pick<LocalStore, "snapshot">,
): AsyncGenerator<SnapshotPiece, void, undefined> {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-snapshot-"));
  try {
    const path = join(directory, "db");
    await writeDatabase(store, path);
    yield* readPieces(path);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Writes a snapshot to a file, which must not be there yet, and syncs it. Resolves with its size in bytes. */
export async function writeEtcdSnapshot(store: Pick<LocalStore, "snapshot">, path: string): Promise<number> {
  await writeDatabase(store, path);
  let last: Buffer = Buffer.alloc(0);
  let size = 0;
  for await (const { blob } of readPieces(path)) {
    last = blob;
    size += blob.length;
  }
  const file = await open(path, "a");
  try {
    await file.write(last);
    await file.sync();
  } finally {
    await file.close();
  }
  return size;
}

async function writeDatabase(store: Pick<LocalStore, "snapshot">, path: string): Promise<void> {
  const file = await DatabaseFile.create(path);
  try {
    for await (const items of store.snapshot()) await file.add(items);
    await file.end();
  } finally {
    await file.close();
  }
}

async function* readPieces(path: string): AsyncGenerator<SnapshotPiece, void, undefined> {
  const file = await open(path, "r");
  try {
    const hash = createHash("sha256");
    const { size } = await file.stat();
    for (let at = 0; at < size; at += BLOB_BYTES) {
      const blob = Buffer.allocUnsafe(Math.min(BLOB_BYTES, size - at));
      await file.read(blob, 0, blob.length, at);
      hash.update(blob);
      yield { blob, remainingBytes: size - at - blob.length };
    }
    yield { blob: hash.digest(), remainingBytes: 0 };
  } finally {
    await file.close();
  }
}

/**
 * The parts of the store in a snapshot file of etcd's or ours, for restoring.
 * @throws FlotillaError `store-corrupt` when the file is damaged.
 */
export async function* readEtcdSnapshot(
  path: string,
): AsyncGenerator<readonly SnapshotItem[], void, undefined> {
  await checkHash(path);
  const descriptor = openSync(path, "r");
  try {
    yield* pieces(readEtcdDatabase(new BoltReader(bytesOf(descriptor))));
  } catch (error) {
    if (error instanceof DamagedBolt || error instanceof StoreError)
      throw damaged(path, error.message, error);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function* pieces(items: Iterable<SnapshotItem>): Generator<readonly SnapshotItem[], void, undefined> {
  let piece: SnapshotItem[] = [];
  for (const item of items) {
    piece.push(item);
    if (piece.length < PIECE_ITEMS) continue;
    yield piece;
    piece = [];
  }
  yield piece;
}

/** A database that was copied, not saved, has no checksum; then its own have to do. */
async function checkHash(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size % SECTOR_BYTES !== HASH_BYTES) return;
    const hash = createHash("sha256");
    const end = size - HASH_BYTES;
    for (let at = 0; at < end; at += BLOB_BYTES) {
      const { buffer, bytesRead } = await file.read(
        Buffer.allocUnsafe(BLOB_BYTES),
        0,
        Math.min(BLOB_BYTES, end - at),
        at,
      );
      hash.update(buffer.subarray(0, bytesRead));
    }
    const expected = Buffer.alloc(HASH_BYTES);
    await file.read(expected, 0, HASH_BYTES, end);
    if (!hash.digest().equals(expected)) throw damaged(path, "its checksum does not match");
  } finally {
    await file.close();
  }
}

function damaged(path: string, what: string, cause?: unknown): FlotillaError {
  return new FlotillaError("store-corrupt", `the snapshot ${path} is damaged`, {
    causes: [what],
    hint: "take another snapshot; nothing was restored",
    ...(cause === undefined ? {} : { cause }),
  });
}
