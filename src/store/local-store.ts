/**
 * A store in this process: {@link Store} and what only its holder may ask. The gRPC server, backups and the command line
 * work with it; everybody else sees {@link Store}. mvcc/mvcc-store.ts implements it, embedded/ makes it durable.
 */
import type { Bytes, KeyValue, LeaseId, Revision, Store } from "./store.ts";

/** What tells one store from another, as etcd's 64-bit IDs. */
export interface StoreIdentity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

/** One value of a bucket is set, or taken away. */
export interface RecordChange {
  readonly bucket: string;
  readonly name: string;
  /** Undefined: the record is deleted; one that is not there is no error. */
  readonly value: Bytes | undefined;
}

/** The records there are, by bucket and name. */
export interface RecordsView {
  /** Empty for a bucket nobody has written to. The map must not be changed, and does not follow later writes. */
  list(bucket: string): ReadonlyMap<string, Bytes>;
}

/**
 * Small values beside the key space: users, roles, alarms. They have no revisions, no watch sees them, and they are as
 * durable as keys: the same log, the same sync, the same backup.
 */
export interface Records extends RecordsView {
  /**
   * Changes records in the order of all writes: `decide` sees what every earlier write has left, durable or about to be,
   * and what it throws refuses the write. All of its changes are made or none.
   * Resolves when they are on disk; only then `list` shows them.
   * @throws StoreError `resource-exhausted` when the disk is full.
   */
  write(decide: (now: RecordsView) => readonly RecordChange[]): Promise<void>;
}

/** Etcd's alarms. While `nospace` is raised, whatever makes the store larger is refused; deletes and compaction go on. */
export type Alarm = "nospace" | "corrupt";

export interface LocalStatus {
  readonly revision: Revision;
  /** 0 until the first compaction. */
  readonly compactRevision: Revision;
  /** Bytes of the store's files; what the quota is measured by. 0 for a store without a disk. */
  readonly sizeBytes: number;
  /** Bytes of them that are needed; the rest is freed by defragmentation. */
  readonly sizeInUseBytes: number;
  /** The size from which on the alarm `nospace` is raised; 0 for none. */
  readonly quotaBytes: number;
  readonly leases: number;
  /** Open watches. */
  readonly watches: number;
  /** Writes of the log to the disk since the store was opened, and the seconds they took together. */
  readonly syncs: { readonly count: number; readonly seconds: number };
}

export interface KeyHash {
  /** CRC-32 over every remembered version up to `revision`, in order; equal histories have equal hashes. */
  readonly hash: number;
  readonly revision: Revision;
  readonly compactRevision: Revision;
}

/**
 * A part of a snapshot. The first is `head`; then leases and records, in any order; then the keys that exist, ascending
 * by modRevision, so that a store can be filled from it as it comes.
 */
export type SnapshotItem =
  | { readonly kind: "head"; readonly revision: Revision; readonly identity: StoreIdentity }
  | { readonly kind: "lease"; readonly id: LeaseId; readonly ttlS: number }
  | { readonly kind: "record"; readonly bucket: string; readonly name: string; readonly value: Bytes }
  | { readonly kind: "key"; readonly kv: KeyValue };

export interface LocalStore extends Store {
  readonly identity: StoreIdentity;
  /** The newest revision that is durable, which is what reads see. */
  readonly revision: Revision;
  /** Bytes on the disk; 0 for a store without one. */
  readonly sizeBytes: number;
  readonly records: Records;
  status(): LocalStatus;
  /** Those raised, durable. */
  alarms(): readonly Alarm[];
  /** Raises or clears an alarm; resolves when that is on disk. Clearing what is not raised is no error. */
  setAlarm(alarm: Alarm, raised: boolean): Promise<void>;
  /** Frees what compaction has left unused of the disk and of memory. Reads and writes go on meanwhile. */
  defragment(): Promise<void>;
  /**
   * @param revision 0 or absent: the current one.
   * @throws StoreError as a read at that revision does.
   */
  hash(revision?: Revision): Promise<KeyHash>;
  /**
   * All that is there at the current revision, in pieces of bounded size. Writes go on meanwhile and are not in it; while
   * it is read, history from its revision on is kept. Bytes are the store's own: they must be used or copied at once.
   */
  snapshot(): AsyncIterable<readonly SnapshotItem[]>;
}
