/**
 * The key space with all its remembered revisions, and the leases: everything the store knows, in memory.
 *
 * Invariants: revisions ascend by one with each write that changes anything; the log holds every remembered version
 * once, in order; what was changed since the last `settle` can be rolled back. It does no I/O and checks no request:
 * whoever calls has done so.
 */
import { type Bytes, CompactedError, type KeyValue, type LeaseId, type Revision } from "../store.ts";
import { refusal } from "./etcd-errors.ts";
import { type Change, deletion, KeyHistory, type Version } from "./history.ts";
import { type KeyRange, toIndexKey } from "./key-range.ts";
import { type Lease, Leases } from "./leases.ts";
import { SortedMap } from "./sorted-map.ts";

export class MvccState {
  readonly leases = new Leases();
  readonly #index = new SortedMap<KeyHistory>();
  #log: Version[] = [];
  /** A new store is at revision 1, as etcd's is. */
  #revision: Revision = 1n;
  /** Below every revision until the first compaction. */
  #compactRevision: Revision = -1n;
  #sequence = 0;
  #writing = false;
  #changes: Change[] = [];
  #undo: (() => void)[] = [];

  /** The revision of the last finished write. */
  get revision(): Revision {
    return this.#revision;
  }

  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  /** The revision a read sees: within a write that has changed something, the one being written. */
  get readRevision(): Revision {
    return this.#writing ? this.#revision + 1n : this.#revision;
  }

  /** @throws StoreError for a revision that is not there yet or no longer. */
  checkRevision(revision: Revision): void {
    if (revision > this.#revision) throw refusal("future-revision");
    if (revision < this.#compactRevision) throw new CompactedError(this.#compactRevision);
  }

  get(key: string, revision: Revision = this.readRevision): KeyValue | undefined {
    return this.#index.get(key)?.at(revision);
  }

  /** The keys of a range that existed at `revision`, in order. */
  *range(range: KeyRange, revision: Revision = this.readRevision): Generator<KeyValue, void, undefined> {
    for (const history of this.#index.range(range.from, range.to)) {
      const kv = history.at(revision);
      if (kv !== undefined) yield kv;
    }
  }

  /** The value an event replaced; undefined when there was none or it has been compacted. */
  before(version: Version): KeyValue | undefined {
    const revision = version.kv.modRevision - 1n;
    return revision < this.#compactRevision ? undefined : this.get(version.key, revision);
  }

  /** Every remembered version from `revision` on, in order of writing. */
  *versionsFrom(revision: Revision): Generator<Version, void, undefined> {
    for (let at = this.#logIndex(revision); at < this.#log.length; at += 1) {
      const version = this.#log[at];
      if (version !== undefined) yield version;
    }
  }

  /** Runs one write: all its changes share one new revision. When it throws, nothing of it stays. */
  write<T>(body: () => T): T {
    const mark = this.#undo.length;
    try {
      const result = body();
      if (this.#writing) this.#revision += 1n;
      return result;
    } catch (error) {
      this.#rollbackTo(mark);
      throw error;
    } finally {
      this.#writing = false;
    }
  }

  put(bytes: Bytes, value: Bytes, lease: LeaseId): void {
    const key = toIndexKey(bytes);
    const history = this.#historyOf(key, bytes);
    const previous = history.at(this.readRevision);
    const modRevision = this.#beginRevision();
    const kv = {
      key: history.bytes,
      // Copied: the caller's bytes may be a view of a much larger buffer, or be used again.
      value: value.slice(),
      createRevision: previous?.createRevision ?? modRevision,
      modRevision,
      version: (previous?.version ?? 0n) + 1n,
      lease,
    };
    this.#append(history, kv, false);
    this.#moveLease(key, previous?.lease ?? 0n, lease);
  }

  delete(kv: KeyValue): void {
    const key = toIndexKey(kv.key);
    const history = this.#historyOf(key, kv.key);
    this.#append(history, deletion(history.bytes, this.#beginRevision()), true);
    this.#moveLease(key, kv.lease, 0n);
  }

  grantLease(id: LeaseId, ttlS: number, nowMs: number): Lease {
    const lease = this.leases.add(id, ttlS, nowMs);
    this.#record({ kind: "lease-grant", id, ttlS }, () => this.leases.remove(id));
    return lease;
  }

  /** Deletes the lease and its keys; call it within {@link write}. */
  revokeLease(lease: Lease): void {
    for (const key of [...lease.keys].sort()) {
      const kv = this.get(key);
      if (kv !== undefined) this.delete(kv);
    }
    this.leases.remove(lease.id);
    this.#record({ kind: "lease-revoke", id: lease.id }, () => this.leases.restore(lease));
  }

  /** Closes the past before `revision` to reads; {@link forget} then frees what it took. */
  compact(revision: Revision): void {
    if (revision <= this.#compactRevision) throw new CompactedError(this.#compactRevision);
    if (revision > this.#revision) throw refusal("future-revision");
    const before = this.#compactRevision;
    this.#compactRevision = revision;
    this.#record({ kind: "compact", revision }, () => {
      this.#compactRevision = before;
    });
  }

  /** Frees what compaction closed. Returns the sequences of the versions that are gone. */
  forget(): readonly number[] {
    const gone = new Set<number>();
    for (const history of [...this.#index.range("", undefined)]) {
      for (const version of history.forgetBefore(this.#compactRevision)) gone.add(version.sequence);
      if (history.versions.length === 0) this.#index.delete(history.key);
    }
    if (gone.size > 0) this.#log = this.#log.filter((version) => !gone.has(version.sequence));
    return [...gone];
  }

  /** What was changed since the last call; from then on it cannot be rolled back. */
  settle(): readonly Change[] {
    const changes = this.#changes;
    this.#changes = [];
    this.#undo = [];
    return changes;
  }

  /** What {@link settle} would return. */
  get unsettled(): readonly Change[] {
    return this.#changes;
  }

  /** Takes back everything changed since the last {@link settle}. */
  rollback(): void {
    this.#rollbackTo(0);
  }

  /** Takes in a version that is already on disk; versions come in order of their sequence, leases before them. */
  load(kv: KeyValue, deleted: boolean, sequence: number): void {
    const key = toIndexKey(kv.key);
    const history = this.#historyOf(key, kv.key);
    const previous = history.versions.at(-1)?.kv.lease ?? 0n;
    const version = { key, kv: { ...kv, key: history.bytes }, deleted, sequence };
    history.versions.push(version);
    this.#log.push(version);
    this.leases.move(key, previous, kv.lease);
    this.#sequence = sequence;
    this.#revision = kv.modRevision;
  }

  loadCompaction(revision: Revision): void {
    this.#compactRevision = revision;
  }

  #beginRevision(): Revision {
    this.#writing = true;
    return this.#revision + 1n;
  }

  #historyOf(key: string, bytes: Bytes): KeyHistory {
    let history = this.#index.get(key);
    if (history === undefined) {
      history = new KeyHistory(key, bytes.slice());
      this.#index.set(key, history);
    }
    return history;
  }

  #append(history: KeyHistory, kv: KeyValue, deleted: boolean): void {
    this.#sequence += 1;
    const version = { key: history.key, kv, deleted, sequence: this.#sequence };
    history.versions.push(version);
    this.#log.push(version);
    this.#record({ kind: "version", version }, () => {
      this.#revision = kv.modRevision - 1n;
      this.#sequence -= 1;
      this.#log.pop();
      history.versions.pop();
      if (history.versions.length === 0) this.#index.delete(history.key);
    });
  }

  #moveLease(key: string, from: LeaseId, to: LeaseId): void {
    if (from === to) return;
    this.leases.move(key, from, to);
    this.#undo.push(() => this.leases.move(key, to, from));
  }

  #record(change: Change, undo: () => void): void {
    this.#changes.push(change);
    this.#undo.push(() => {
      this.#changes.pop();
      undo();
    });
  }

  #rollbackTo(mark: number): void {
    for (const undo of this.#undo.splice(mark).reverse()) undo();
  }

  /** Index in the log of the first version not before `revision`. */
  #logIndex(revision: Revision): number {
    let low = 0;
    let high = this.#log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const version = this.#log[middle];
      if (version !== undefined && version.kv.modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
