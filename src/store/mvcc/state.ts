/**
 * The key space with all its remembered revisions, the leases and the records: everything the store knows, in memory.
 *
 * Invariants: revisions ascend by one with each write that changes anything; the log holds every remembered version
 * once, in order; what is changed is taken in groups, which are settled in that order; what has not been settled can be
 * rolled back, and readers do not see it, because they read at the settled revision. It does no I/O and checks no
 * request: whoever calls has done so. Revisions are numbers in here; 2^48 of them, which is what a record has room for,
 * last for ever.
 */
import type { RecordChange } from "../local-store.ts";
import { type Bytes, CompactedError, type LeaseId } from "../store.ts";
import type { Change, Group } from "./change.ts";
import { refusal } from "./etcd-errors.ts";
import {
  cutBefore,
  type History,
  newestOf,
  newestVersion,
  versionAt,
  withMoved,
  withoutNewest,
  withVersion,
} from "./history.ts";
import { type KeyRange, toIndexKey } from "./key-range.ts";
import { type Lease, Leases } from "./leases.ts";
import { type LogMark, type Position, VersionLog } from "./log.ts";
import type { VersionHead, VersionRecord } from "./record.ts";
import { RecordTable } from "./record-table.ts";
import { byText, sorted } from "./sort.ts";
import { SortedMap } from "./sorted-map.ts";
import { STEP_ENTRIES, type Steps } from "./steps.ts";

const NOTHING: Bytes = new Uint8Array(0);

export class MvccState {
  readonly leases = new Leases();
  readonly records = new RecordTable();
  readonly #log = new VersionLog();
  readonly #index = new SortedMap<History>();
  /** A new store is at revision 1, as etcd's is. */
  #revision = 1;
  #settledRevision = 1;
  #compactRevision = -1;
  #settledCompactRevision = -1;
  /** What is superseded before it has been forgotten. */
  #forgottenUpTo = 0;
  #writing = false;
  #settled: LogMark = this.#log.mark();
  /** Where the versions begin that no group has taken. */
  #taken: LogMark = this.#settled;
  /** What was changed since the last group was taken. */
  #open = newChangeSet();
  /** Groups that were taken and are not settled, the oldest first. */
  readonly #groups: TakenGroup[] = [];
  /** Keys that were on a lease in one of the versions loaded. */
  readonly #loadedLeased = new Set<string>();
  /** The revisions that are being read at; nothing they see is forgotten. */
  readonly #pins: number[] = [];

  /** The revision of the last finished write, settled or not. */
  get revision(): number {
    return this.#revision;
  }

  /** What readers see. */
  get settledRevision(): number {
    return this.#settledRevision;
  }

  /** What readers find compacted; below every revision until the first compaction. */
  get compactRevision(): number {
    return this.#settledCompactRevision;
  }

  /** What a write sees: once it has changed something, its own revision. */
  get workRevision(): number {
    return this.#writing ? this.#revision + 1 : this.#revision;
  }

  /** @throws StoreError for a revision later than `current`, or one that is there no longer. */
  checkRevision(revision: number, current: number): void {
    if (revision > current) throw refusal("future-revision");
    if (revision < this.compactRevision) throw new CompactedError(BigInt(this.compactRevision));
  }

  /** The key's version as of `revision`; undefined where the key did not exist. */
  get(key: string, revision: number): VersionRecord | undefined {
    const history = this.#index.get(key);
    return history === undefined ? undefined : versionAt(this.#log, history, revision);
  }

  /** The versions of a range that existed at `revision`, in order of keys, some at a time. */
  *range(range: KeyRange, revision: number): Generator<VersionRecord[], void, undefined> {
    for (const { values } of this.#index.pieces(range.from, range.to)) {
      const found: VersionRecord[] = [];
      for (const history of values) {
        const version = versionAt(this.#log, history, revision);
        if (version !== undefined) found.push(version);
      }
      yield found;
    }
  }

  /** The value a version replaced; undefined when there was none or it has been compacted. */
  before(version: VersionRecord): VersionRecord | undefined {
    const revision = version.modRevision - 1;
    return revision < this.compactRevision ? undefined : this.get(version.key, revision);
  }

  /** Whether a read at `revision` or later can see the version. */
  isReadableFrom(revision: number, version: VersionRecord): boolean {
    const { modRevision } = version;
    return modRevision >= revision || this.get(version.key, revision)?.modRevision === modRevision;
  }

  /** The settled versions from `revision` on, in order of writing, as they are now; the state may change meanwhile. */
  versionsFrom(revision: number): Generator<VersionRecord, void, undefined> {
    return this.#log.from(revision, this.#settledRevision);
  }

  /** Keeps what is read at `revision` from being forgotten until the returned function is called. */
  pin(revision: number): () => void {
    this.#pins.push(revision);
    return () => void this.#pins.splice(this.#pins.indexOf(revision), 1);
  }

  /** Runs one write: all its changes share one new revision. When it throws, nothing of it stays. */
  write<T>(body: () => T): T {
    const mark = this.#mark();
    try {
      const result = body();
      this.#endWrite();
      return result;
    } catch (error) {
      this.#rollbackTo(mark);
      throw error;
    }
  }

  /** The same for a write that may take long; no other write may run meanwhile, but anybody may read. */
  *writeInSteps<T>(body: () => Steps<T>): Steps<T> {
    const mark = this.#mark();
    try {
      const result = yield* body();
      this.#endWrite();
      return result;
    } catch (error) {
      this.#rollbackTo(mark);
      throw error;
    }
  }

  put(bytes: Bytes, value: Bytes, lease: LeaseId): void {
    const key = toIndexKey(bytes);
    const history = this.#index.get(key);
    const previous = history === undefined ? undefined : newestVersion(this.#log, history);
    const modRevision = this.#revision + 1;
    const head = {
      modRevision,
      createRevision: previous?.createRevision ?? modRevision,
      version: (previous?.version ?? 0) + 1,
      lease,
    };
    this.#append(key, history, head, bytes, value);
    this.#moveLease(key, previous?.lease ?? 0n, lease);
  }

  delete(version: VersionRecord): void {
    const { key, lease } = version;
    const head = { modRevision: this.#revision + 1, createRevision: 0, version: 0, lease: 0n };
    this.#append(key, this.#index.get(key), head, version.keyBytes, NOTHING);
    this.#moveLease(key, lease, 0n);
  }

  grantLease(id: LeaseId, ttlS: number, nowMs: number): Lease {
    const lease = this.leases.add(id, ttlS, nowMs);
    this.#record({ kind: "lease-grant", id, ttlS }, () => this.leases.remove(id));
    return lease;
  }

  /** Deletes the lease and its keys; call it within {@link write}. */
  *revokeLease(lease: Lease): Steps<void> {
    let count = 0;
    for (const key of yield* sorted([...lease.keys], byText)) {
      const version = this.get(key, this.workRevision);
      if (version !== undefined) this.delete(version);
      count += 1;
      if (count % STEP_ENTRIES === 0) yield;
    }
    this.leases.remove(lease.id);
    this.#record({ kind: "lease-revoke", id: lease.id }, () => this.leases.restore(lease));
  }

  changeRecord(change: RecordChange): void {
    // Copied: the caller's bytes may be a view of a much larger buffer, or be used again.
    const copy = { ...change, value: change.value && new Uint8Array(change.value) };
    const undo = this.records.apply(copy);
    this.#record({ kind: "record", ...copy }, () => void this.records.apply(undo));
  }

  /** Closes the past before `revision` to reads; {@link forget} then frees what it took. */
  compact(revision: number): void {
    if (revision <= this.#compactRevision) throw new CompactedError(BigInt(this.#compactRevision));
    if (revision > this.#revision) throw refusal("future-revision");
    const before = this.#compactRevision;
    this.#compactRevision = revision;
    this.#record({ kind: "compact", revision }, () => {
      this.#compactRevision = before;
    });
  }

  /** True when {@link forget} has something to do. */
  get hasForgettable(): boolean {
    return this.#forgettable > this.#forgottenUpTo;
  }

  /**
   * Forgets what compaction has closed, as far as nobody reads there.
   * @param gone is told of each version, before it goes.
   */
  *forget(gone: (version: VersionRecord) => void): Steps<void> {
    const upTo = this.#forgettable;
    let count = 0;
    // What was deleted at the last boundary itself may go now.
    for (const version of this.#log.from(this.#forgottenUpTo, upTo)) {
      this.#cut(version.key, upTo, gone);
      count += 1;
      if (count % STEP_ENTRIES === 0) yield;
    }
    this.#forgottenUpTo = Math.max(upTo, this.#forgottenUpTo);
  }

  /** Frees the memory of what has been forgotten. */
  *squeeze(): Steps<void> {
    yield* this.#log.squeeze(
      () => this.#settled,
      (from, to) => {
        const { key } = this.#log.read(from);
        const history = this.#index.get(key);
        if (history === undefined) return;
        const moved = withMoved(this.#log, history, from, to);
        if (moved !== history) this.#index.set(key, moved);
      },
    );
  }

  /** Takes what was changed since the last group into one of its own. */
  take(): Group {
    const versions = this.#log.since(this.#taken);
    const { changes } = this.#open;
    this.#groups.push({
      ...this.#open,
      revision: this.#revision,
      compactRevision: this.#compactRevision,
      end: this.#log.mark(),
    });
    this.#open = newChangeSet();
    this.#taken = this.#log.mark();
    return { changes, versions, revision: this.#revision };
  }

  /** Shows readers the oldest group that was taken; from now on it cannot be rolled back. */
  settle(): void {
    const group = this.#groups.shift();
    if (group === undefined) return;
    this.#settled = group.end;
    this.#settledRevision = group.revision;
    this.#settledCompactRevision = group.compactRevision;
  }

  /** Takes back everything that is not settled. */
  rollback(): void {
    const all = [...this.#groups.splice(0), this.#open];
    this.#open = {
      changes: [],
      written: all.flatMap(({ written }) => written),
      undo: all.flatMap(({ undo }) => undo),
    };
    this.#rollbackTo({ written: 0, undo: 0, revision: this.#settledRevision });
    this.#taken = this.#settled;
  }

  /**
   * Takes in a version as it once was written, with the bytes that it is in; versions come in order, and it settles with
   * them.
   */
  load(record: VersionRecord): void {
    const { key } = record;
    this.#takeIn(key, this.#log.adopt(record), record);
    if (record.hasLease) this.#loadedLeased.add(key);
  }

  /** The same for a version that was written elsewhere. */
  restore(head: VersionHead, bytes: Bytes, value: Bytes): void {
    this.#takeIn(toIndexKey(bytes), this.#log.append(head, bytes, value), head);
  }

  /** Makes a change again that was made once. */
  repeat(change: Change): void {
    switch (change.kind) {
      case "lease-grant":
        this.leases.add(change.id, change.ttlS, 0);
        break;
      case "lease-revoke":
        this.leases.remove(change.id);
        break;
      case "compact":
        this.#compactRevision = change.revision;
        break;
      case "record":
        this.records.apply(change);
    }
  }

  /** Ends loading: sets the revision, which may be later than any version's, and hangs keys on their leases. */
  *finishLoad(revision: number): Steps<void> {
    this.#revision = Math.max(revision, this.#revision);
    for (const key of this.#loadedLeased) {
      const lease = this.get(key, this.#revision)?.lease ?? 0n;
      if (lease !== 0n) this.leases.move(key, 0n, lease);
      yield;
    }
    this.#loadedLeased.clear();
    this.take();
    this.settle();
  }

  get #forgettable(): number {
    return Math.min(this.#settledCompactRevision, ...this.#pins);
  }

  #cut(key: string, revision: number, gone: (version: VersionRecord) => void): void {
    const history = this.#index.get(key);
    if (history === undefined) return;
    const left = cutBefore(this.#log, history, revision, (position) => {
      gone(this.#log.read(position));
      this.#log.forget(position);
    });
    if (left === undefined) this.#index.delete(key);
    else if (left !== history) this.#index.set(key, left);
  }

  #takeIn(key: string, position: Position, { modRevision }: { readonly modRevision: number }): void {
    const history = this.#index.get(key);
    const grown = withVersion(history, position);
    if (grown !== history) this.#index.set(key, grown);
    this.#revision = modRevision;
  }

  #append(key: string, history: History | undefined, head: VersionHead, bytes: Bytes, value: Bytes): void {
    const position = this.#log.append(head, bytes, value);
    const grown = withVersion(history, position);
    if (grown !== history) this.#index.set(key, grown);
    this.#open.written.push(key);
    this.#writing = true;
  }

  /** Takes the newest version of a key out of the index. Returns where it is in the log. */
  #dropNewest(key: string): Position | undefined {
    const history = this.#index.get(key);
    if (history === undefined) return undefined;
    const position = newestOf(history);
    const left = withoutNewest(history);
    if (left === undefined) this.#index.delete(key);
    else if (left !== history) this.#index.set(key, left);
    return position;
  }

  #moveLease(key: string, from: LeaseId, to: LeaseId): void {
    if (from === to) return;
    this.leases.move(key, from, to);
    this.#open.undo.push(() => this.leases.move(key, to, from));
  }

  #record(change: Change, undo: () => void): void {
    const { changes } = this.#open;
    changes.push(change);
    this.#open.undo.push(() => {
      changes.pop();
      undo();
    });
  }

  #mark(): WriteMark {
    const { written, undo } = this.#open;
    return { written: written.length, undo: undo.length, revision: this.#revision };
  }

  #endWrite(): void {
    if (this.#writing) this.#revision += 1;
    this.#writing = false;
  }

  #rollbackTo(mark: WriteMark): void {
    const { written, undo } = this.#open;
    for (const takeBack of undo.splice(mark.undo).reverse()) takeBack();
    let first: Position | undefined;
    for (const key of written.splice(mark.written).reverse()) first = this.#dropNewest(key);
    if (first !== undefined) this.#log.cutFrom(first, mark.revision);
    this.#revision = mark.revision;
    this.#writing = false;
  }
}

/** What was changed, beside the versions themselves. */
interface ChangeSet {
  readonly changes: Change[];
  /** The keys of the versions written. */
  readonly written: string[];
  /** How to take the rest back. */
  readonly undo: (() => void)[];
}

function newChangeSet(): ChangeSet {
  return { changes: [], written: [], undo: [] };
}

interface TakenGroup extends ChangeSet {
  /** What readers see once it is settled. */
  readonly revision: number;
  readonly compactRevision: number;
  readonly end: LogMark;
}

/** How far the state had been changed before a write. */
interface WriteMark {
  readonly written: number;
  readonly undo: number;
  readonly revision: number;
}
