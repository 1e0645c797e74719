/**
 * The store in this process: etcd's semantics in memory, made durable by a journal.
 *
 * Writes are collected, carried out on the state, handed to the journal as one group, and only then heard of: by
 * whoever made them, by watchers and by readers, all in one synchronous stretch. When the journal refuses the group,
 * the state is rolled back and every write of the group fails, so that memory and disk never differ.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type {
  Alarm,
  KeyHash,
  LocalStatus,
  LocalStore,
  RecordChange,
  RecordsView,
  SnapshotItem,
  StoreIdentity,
} from "../local-store.ts";
import type {
  CallOptions,
  DeleteRangeRequest,
  DeleteRangeResponse,
  Header,
  LeaseGrant,
  LeaseId,
  LeaseTimeToLive,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  Revision,
  TxnRequest,
  TxnResponse,
  WatchRequest,
  WatchResponse,
} from "../store.ts";
import { applyDeleteRange, applyPut, applyTxn } from "./apply.ts";
import { checkPut, checkRange, checkTxn, isReadOnly } from "./check.ts";
import { refusal } from "./etcd-errors.ts";
import type { Change } from "./history.ts";
import { LeaseExpiry } from "./lease-expiry.ts";
import { LEASE_TTL_MAX_S, LEASE_TTL_MIN_S, type Lease } from "./leases.ts";
import { readRange } from "./read.ts";
import { DEFAULT_RETENTION, Retention, type RetentionLimits } from "./retention.ts";
import { MvccState } from "./state.ts";
import { WatchHub } from "./watch.ts";

/** Where changes are made durable. */
export interface Journal {
  readonly sizeBytes: number;
  /** All of the changes or none: when it throws, none of them may be found after a restart. */
  append(changes: readonly Change[]): void;
  /** Frees the space of versions that compaction forgot; need not be done at once. */
  forget(sequences: readonly number[]): void;
  close(): void;
}

export interface MvccStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly journal?: Journal;
  /** When a group of writes is carried out, after the first of it has come; the default is at once. */
  readonly schedule?: (flush: () => void) => void;
  readonly retention?: RetentionLimits;
  /** What was on the disk; the default is an empty store. */
  readonly state?: MvccState;
  /** The default is a new one. */
  readonly identity?: StoreIdentity;
}

/** A group is bounded so that reads and keep-alives are not held up for long. */
const GROUP_WRITES_MAX = 512;

/** A write that waits for its turn. `run` carries it out and returns how to tell its caller. */
interface PendingWrite {
  readonly run: () => () => void;
  readonly fail: (error: unknown) => void;
}

export class MvccStore implements LocalStore {
  readonly identity: StoreIdentity;
  readonly #options: MvccStoreOptions;
  readonly #state: MvccState;
  readonly #watches: WatchHub;
  readonly #expiry: LeaseExpiry;
  readonly #retention: Retention;
  #pending: PendingWrite[] = [];
  #flushIsDue = false;
  #closed = false;

  constructor(options: MvccStoreOptions) {
    const { clock, state = new MvccState() } = options;
    this.identity = options.identity ?? newIdentity(options.random);
    this.#options = options;
    this.#state = state;
    this.#watches = new WatchHub(state, clock, this.identity.clusterId);
    this.#expiry = new LeaseExpiry({
      clock,
      leases: state.leases,
      revoke: (lease) => this.#write(() => this.#revokeIfThere(lease)),
    });
    this.#retention = new Retention(
      {
        ...(options.retention ?? DEFAULT_RETENTION),
        clock,
        compact: (revision) => void this.compact(revision).catch(() => undefined),
      },
      state.compactRevision,
    );
    state.leases.extendAll(clock.monotonic());
    for (const lease of state.leases.all()) this.#expiry.watch(lease.deadlineMs);
    this.#forget();
    // History that an earlier process has left behind grows old as well.
    if (state.revision > 1n) this.#retention.note(state.revision);
  }

  get revision(): Revision {
    return this.#state.revision;
  }

  get sizeBytes(): number {
    return this.#options.journal?.sizeBytes ?? 0;
  }

  status(): LocalStatus {
    return {
      revision: this.revision,
      compactRevision: this.#state.compactRevision < 0n ? 0n : this.#state.compactRevision,
      sizeBytes: this.sizeBytes,
      sizeInUseBytes: this.sizeBytes,
      quotaBytes: 0,
      leases: this.#state.leases.ids().length,
      watches: this.#watches.size,
      syncs: { count: 0, seconds: 0 },
    };
  }

  readonly #records = new Map<string, Map<string, Uint8Array>>();
  readonly records = {
    list: (bucket: string): ReadonlyMap<string, Uint8Array> => new Map(this.#records.get(bucket)),
    write: async (decide: (now: RecordsView) => readonly RecordChange[]): Promise<void> => {
      for (const { bucket, name, value } of decide(this.records)) {
        const records = this.#records.get(bucket) ?? new Map<string, Uint8Array>();
        this.#records.set(bucket, records);
        if (value === undefined) records.delete(name);
        else records.set(name, value.slice());
      }
    },
  };

  alarms(): readonly Alarm[] {
    return [...this.records.list("alarm").keys()].filter((name) => name === "nospace" || name === "corrupt");
  }

  async setAlarm(alarm: Alarm, raised: boolean): Promise<void> {
    const value = raised ? new Uint8Array(0) : undefined;
    await this.records.write(() => [{ bucket: "alarm", name: alarm, value }]);
  }

  async defragment(): Promise<void> {}

  async hash(revision: Revision = this.revision): Promise<KeyHash> {
    const { compactRevision } = this.status();
    return { hash: 0, revision, compactRevision };
  }

  async *snapshot(): AsyncGenerator<readonly SnapshotItem[], void, undefined> {
    const { revision, identity } = this;
    yield [{ kind: "head", revision, identity }];
    const kvs = [...this.#state.range({ from: "", to: undefined }, revision)];
    kvs.sort((a, b) => (a.modRevision < b.modRevision ? -1 : 1));
    yield kvs.map((kv) => ({ kind: "key", kv }));
  }

  async range(request: RangeRequest, options?: CallOptions): Promise<RangeResponse> {
    this.#checkCall(options);
    checkRange(request);
    const answer = readRange(this.#state, request);
    return { ...answer, header: { ...answer.header, clusterId: this.identity.clusterId } };
  }

  async put(request: PutRequest, options?: CallOptions): Promise<PutResponse> {
    this.#checkCall(options);
    checkPut(request);
    return this.#write(() => applyPut(this.#state, request));
  }

  async deleteRange(request: DeleteRangeRequest, options?: CallOptions): Promise<DeleteRangeResponse> {
    this.#checkCall(options);
    checkRange(request);
    return this.#write(() => applyDeleteRange(this.#state, request));
  }

  async txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse> {
    this.#checkCall(options);
    checkTxn(request);
    if (isReadOnly(request)) return applyTxn(this.#state, request);
    return this.#write(() => applyTxn(this.#state, request));
  }

  async compact(revision: Revision, options?: CallOptions): Promise<Header> {
    this.#checkCall(options);
    const header = await this.#write(() => {
      this.#state.compact(revision);
      return { revision: this.#state.revision };
    });
    this.#forget();
    return header;
  }

  watch(
    request: WatchRequest,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<WatchResponse, void, undefined> {
    return this.#watches.watch(request, options.signal);
  }

  async leaseGrant(
    request: { readonly ttlS: number; readonly id?: LeaseId },
    options?: CallOptions,
  ): Promise<LeaseGrant> {
    this.#checkCall(options);
    if (request.ttlS > LEASE_TTL_MAX_S) throw refusal("lease-ttl-too-large");
    const ttlS = Math.max(LEASE_TTL_MIN_S, request.ttlS);
    const lease = await this.#write(() => {
      const id = (request.id ?? 0n) === 0n ? this.#freeLeaseId() : (request.id ?? 0n);
      if (this.#state.leases.get(id) !== undefined) throw refusal("lease-exists");
      return this.#state.grantLease(id, ttlS, this.#options.clock.monotonic());
    });
    this.#expiry.watch(lease.deadlineMs);
    return { id: lease.id, ttlS };
  }

  async leaseRevoke(id: LeaseId, options?: CallOptions): Promise<Header> {
    this.#checkCall(options);
    return this.#write(() => {
      const lease = this.#state.leases.get(id);
      if (lease === undefined) throw refusal("lease-not-found");
      this.#state.revokeLease(lease);
      return { revision: this.#state.readRevision };
    });
  }

  async leaseKeepAlive(id: LeaseId, options?: CallOptions): Promise<number> {
    this.#checkCall(options);
    const lease = this.#state.leases.get(id);
    if (lease === undefined) return 0;
    lease.deadlineMs = this.#options.clock.monotonic() + lease.ttlS * 1000;
    return lease.ttlS;
  }

  async leaseTimeToLive(id: LeaseId, withKeys: boolean, options?: CallOptions): Promise<LeaseTimeToLive> {
    this.#checkCall(options);
    const lease = this.#state.leases.get(id);
    if (lease === undefined) return { id, ttlS: -1, grantedTtlS: 0, keys: [] };
    const leftMs = lease.deadlineMs - this.#options.clock.monotonic();
    const keys = withKeys ? [...lease.keys].sort().map((key) => Buffer.from(key, "latin1")) : [];
    return { id, ttlS: Math.max(0, Math.floor(leftMs / 1000)), grantedTtlS: lease.ttlS, keys };
  }

  async leaseList(options?: CallOptions): Promise<readonly LeaseId[]> {
    this.#checkCall(options);
    return this.#state.leases.ids();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#expiry.stop();
    this.#retention.stop();
    while (this.#pending.length > 0) this.#flush();
    this.#watches.close();
    this.#options.journal?.close();
  }

  #checkCall(options: CallOptions | undefined): void {
    options?.signal?.throwIfAborted();
    if (this.#closed) throw refusal("stopped");
  }

  #write<T>(body: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = (): (() => void) => {
      try {
        const result = this.#state.write(body);
        return () => resolve(result);
      } catch (error) {
        return () => reject(error);
      }
    };
    this.#pending.push({ run, fail: reject });
    this.#scheduleFlush();
    return promise;
  }

  #scheduleFlush(): void {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    const { schedule } = this.#options;
    if (schedule === undefined) this.#flush();
    else schedule(() => this.#flush());
  }

  #flush(): void {
    this.#flushIsDue = false;
    const group = this.#pending.splice(0, GROUP_WRITES_MAX);
    const tell = group.map((write) => write.run());
    try {
      this.#store();
    } catch (error) {
      this.#state.rollback();
      for (const write of group) write.fail(error);
      return;
    } finally {
      if (this.#pending.length > 0 && !this.#closed) this.#scheduleFlush();
    }
    this.#publish();
    for (const told of tell) told();
  }

  #store(): void {
    const changes = this.#state.unsettled;
    if (changes.length > 0) this.#options.journal?.append(changes);
  }

  #publish(): void {
    const versions = this.#state
      .settle()
      .flatMap((change) => (change.kind === "version" ? [change.version] : []));
    if (versions.length === 0) return;
    this.#watches.publish(versions);
    this.#retention.note(this.#state.revision);
  }

  #forget(): void {
    const sequences = this.#state.forget();
    if (sequences.length > 0) this.#options.journal?.forget(sequences);
  }

  /** A lease may have been revoked, or renewed, since its end was noticed. */
  #revokeIfThere(lease: Lease): void {
    const current = this.#state.leases.get(lease.id);
    if (current === lease && lease.deadlineMs <= this.#options.clock.monotonic())
      this.#state.revokeLease(lease);
  }

  #freeLeaseId(): LeaseId {
    for (;;) {
      const id = randomInt63(this.#options.random);
      if (id !== 0n && this.#state.leases.get(id) === undefined) return id;
    }
  }
}

export function newIdentity(random: Random): StoreIdentity {
  return { clusterId: randomInt63(random), memberId: randomInt63(random) };
}

function randomInt63(random: Random): bigint {
  const bytes = random.bytes(8);
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0) >> 1n;
}
