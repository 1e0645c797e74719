/**
 * The store in this process: etcd's semantics in memory, made durable by a journal. This file answers requests; the order
 * of writes is writer.ts, what follows a compaction maintenance.ts.
 *
 * Invariants: readers, watchers and whoever wrote hear of a write when it is durable, never before; long work is done a
 * little a turn of the event loop.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type {
  Alarm,
  KeyHash,
  LocalStatus,
  LocalStore,
  RecordChange,
  Records,
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
import { alarmChange, isRaised, judgeSpace, LEASE_COST, putCost, raisedAlarms, txnCost } from "./alarms.ts";
import { applyDeleteRange, applyPut, applyTxn } from "./apply.ts";
import { checkPut, checkRange, checkTxn, isReadOnly } from "./check.ts";
import { refusal } from "./etcd-errors.ts";
import { hashOf } from "./hash.ts";
import type { Journal } from "./journal.ts";
import { LeaseExpiry } from "./lease-expiry.ts";
import { keysOf, LEASE_TTL_MAX_S, LEASE_TTL_MIN_S, type Lease } from "./leases.ts";
import { Maintenance } from "./maintenance.ts";
import { readRange } from "./read.ts";
import { DEFAULT_RETENTION, Retention, type RetentionLimits } from "./retention.ts";
import { Snapshot } from "./snapshot.ts";
import { MvccState } from "./state.ts";
import { inTurns, type Steps, type Turns } from "./steps.ts";
import { WatchHub } from "./watch.ts";
import { Writer } from "./writer.ts";

export interface MvccStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly journal?: Journal;
  /** Called when the first write of a group has come, resolves when the group is to be carried out; the default is at once. */
  readonly gather?: () => Promise<void>;
  /** The default is to do all work at once. */
  readonly turns?: Turns;
  readonly retention?: RetentionLimits;
  /** The size of the journal from which on the store takes no more; 0, the default, for none. */
  readonly quotaBytes?: number;
  /** What was on the disk; the default is an empty store. */
  readonly state?: MvccState;
  /** The default is a new one. */
  readonly identity?: StoreIdentity;
}

export class MvccStore implements LocalStore {
  readonly identity: StoreIdentity;
  readonly records: Records;
  readonly #options: MvccStoreOptions;
  readonly #state: MvccState;
  readonly #writer: Writer;
  readonly #watches: WatchHub;
  readonly #maintenance: Maintenance;
  readonly #expiry: LeaseExpiry;
  readonly #retention: Retention;
  #closed = false;

  constructor(options: MvccStoreOptions) {
    const { clock, journal, turns, state = new MvccState() } = options;
    this.identity = options.identity ?? newIdentity(options.random);
    this.#options = options;
    this.#state = state;
    this.records = {
      list: (bucket) => state.records.list(bucket),
      write: (decide) => this.#writeRecords(decide),
    };
    this.#watches = new WatchHub(state, clock, this.identity.clusterId, turns);
    this.#maintenance = new Maintenance(state, journal, turns);
    this.#retention = new Retention(
      {
        ...(options.retention ?? DEFAULT_RETENTION),
        clock,
        compact: (revision) => void this.compact(BigInt(revision)).catch(() => undefined),
      },
      state.compactRevision,
    );
    this.#writer = new Writer({
      state,
      journal,
      clock,
      gather: options.gather,
      turns,
      settled: ({ versions }, revision) => {
        if (versions.length === 0) return;
        this.#watches.publish(revision);
        this.#retention.note(state.settledRevision);
      },
    });
    this.#expiry = new LeaseExpiry({
      clock,
      leases: state.leases,
      revoke: (lease) => this.#writer.writeInSteps(0, () => this.#revokeIfThere(lease)),
    });
    state.leases.extendAll(clock.monotonic());
    for (const lease of state.leases.all()) this.#expiry.watch(lease.deadlineMs);
    this.#maintenance.request();
    // History that an earlier process has left behind grows old as well.
    if (state.revision > 1) this.#retention.note(state.revision);
  }

  get revision(): Revision {
    return BigInt(this.#state.settledRevision);
  }

  get sizeBytes(): number {
    return this.#options.journal?.sizeBytes ?? 0;
  }

  status(): LocalStatus {
    const { journal, quotaBytes = 0 } = this.#options;
    return {
      revision: this.revision,
      compactRevision: this.#compactRevision,
      sizeBytes: this.sizeBytes,
      sizeInUseBytes: journal?.sizeInUseBytes ?? 0,
      quotaBytes,
      leases: this.#state.leases.size,
      watches: this.#watches.size,
      syncs: journal?.syncs ?? { count: 0, seconds: 0 },
    };
  }

  alarms(): readonly Alarm[] {
    return raisedAlarms(this.records);
  }

  setAlarm(alarm: Alarm, raised: boolean): Promise<void> {
    return this.records.write((now) => (isRaised(alarm, now) === raised ? [] : [alarmChange(alarm, raised)]));
  }

  async defragment(): Promise<void> {
    this.#checkCall(undefined);
    this.#options.journal?.seal();
    // The journal does it before the next group.
    await this.#writer.write(0, () => undefined);
    await this.#maintenance.run(true);
  }

  async hash(revision: Revision = 0n): Promise<KeyHash> {
    this.#checkCall(undefined);
    const current = this.#state.settledRevision;
    const asked = revision === 0n ? current : Number(revision);
    this.#state.checkRevision(asked, current);
    const compactRevision = this.#compactRevision;
    const hash = await inTurns(hashOf(this.#state, asked), this.#options.turns);
    return { hash, revision: BigInt(asked), compactRevision };
  }

  async *snapshot(): AsyncGenerator<readonly SnapshotItem[], void, undefined> {
    this.#checkCall(undefined);
    // In the order of writes, so that leases, records and keys are those of one moment, and durable.
    const taken = await this.#writer.writeInSteps(0, () => Snapshot.take(this.#state, this.identity));
    try {
      yield* taken.pieces(this.#options.turns);
    } finally {
      taken.release();
      this.#maintenance.request();
    }
  }

  async range(request: RangeRequest, options?: CallOptions): Promise<RangeResponse> {
    this.#checkCall(options);
    checkRange(request);
    const answer = await this.#read(readRange(this.#state, request, this.#state.settledRevision));
    return { ...answer, header: { ...answer.header, clusterId: this.identity.clusterId } };
  }

  // The call that is made most: an async function would be a promise more.
  put(request: PutRequest, options?: CallOptions): Promise<PutResponse> {
    try {
      this.#checkWrite(options);
      checkPut(request);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    const cost = putCost(request);
    return this.#writer.write(cost, () => {
      this.#checkSpace(cost);
      return applyPut(this.#state, request);
    });
  }

  async deleteRange(request: DeleteRangeRequest, options?: CallOptions): Promise<DeleteRangeResponse> {
    this.#checkWrite(options);
    checkRange(request);
    return this.#writer.writeInSteps(0, () => applyDeleteRange(this.#state, request));
  }

  async txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse> {
    this.#checkCall(options);
    checkTxn(request);
    if (isReadOnly(request)) {
      const revision = this.#state.settledRevision;
      return this.#read(applyTxn(this.#state, request, () => revision));
    }
    this.#checkWrite(options);
    const cost = txnCost(request);
    return this.#writer.writeInSteps(cost, () => {
      this.#checkSpace(cost);
      return applyTxn(this.#state, request, () => this.#state.workRevision);
    });
  }

  async compact(revision: Revision, options?: CallOptions): Promise<Header> {
    this.#checkWrite(options);
    const header = await this.#writer.write(0, () => {
      this.#state.compact(Number(revision));
      return { revision: BigInt(this.#state.revision) };
    });
    this.#maintenance.request();
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
    this.#checkWrite(options);
    if (request.ttlS > LEASE_TTL_MAX_S) throw refusal("lease-ttl-too-large");
    const ttlS = Math.max(LEASE_TTL_MIN_S, request.ttlS);
    const lease = await this.#write(LEASE_COST, () => {
      const id = (request.id ?? 0n) === 0n ? this.#freeLeaseId() : (request.id ?? 0n);
      if (this.#state.leases.get(id) !== undefined) throw refusal("lease-exists");
      return this.#state.grantLease(id, ttlS, this.#options.clock.monotonic());
    });
    this.#expiry.watch(lease.deadlineMs);
    return { id: lease.id, ttlS };
  }

  async leaseRevoke(id: LeaseId, options?: CallOptions): Promise<Header> {
    this.#checkWrite(options);
    return this.#writer.writeInSteps(0, () => this.#revoke(id));
  }

  // Leases have no history to read from, so they are read in the order of writes.

  async leaseKeepAlive(id: LeaseId, options?: CallOptions): Promise<number> {
    this.#checkCall(options);
    return this.#writer.write(0, () => {
      const lease = this.#state.leases.get(id);
      if (lease === undefined) return 0;
      lease.deadlineMs = this.#options.clock.monotonic() + lease.ttlS * 1000;
      return lease.ttlS;
    });
  }

  async leaseTimeToLive(id: LeaseId, withKeys: boolean, options?: CallOptions): Promise<LeaseTimeToLive> {
    this.#checkCall(options);
    return this.#writer.writeInSteps(0, () => this.#timeToLive(id, withKeys));
  }

  async leaseList(options?: CallOptions): Promise<readonly LeaseId[]> {
    this.#checkCall(options);
    return this.#writer.writeInSteps(0, () => this.#state.leases.ids());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#expiry.stop();
    this.#retention.stop();
    await this.#writer.idle();
    this.#watches.close();
    await this.#maintenance.idle();
    await this.#options.journal?.close();
  }

  get #compactRevision(): Revision {
    return BigInt(Math.max(0, this.#state.compactRevision));
  }

  #checkCall(options: CallOptions | undefined): void {
    options?.signal?.throwIfAborted();
    if (this.#closed) throw refusal("stopped");
  }

  /** What somebody has found to be damaged is not changed any more until the alarm is cleared. */
  #checkWrite(options: CallOptions | undefined): void {
    this.#checkCall(options);
    if (isRaised("corrupt", this.records)) throw refusal("corrupt");
  }

  /** What has held up forgetting is forgotten afterwards. */
  async #read<T>(steps: Steps<T>): Promise<T> {
    const { turns } = this.#options;
    const first = steps.next();
    if (first.done === true) return first.value;
    try {
      return await inTurns(steps, turns);
    } finally {
      this.#maintenance.request();
    }
  }

  /** @param cost what it may add to the store. */
  #write<T>(cost: number, body: () => T): Promise<T> {
    return this.#writer.write(cost, () => {
      this.#checkSpace(cost);
      return body();
    });
  }

  #checkSpace(cost: number): void {
    const use = { sizeBytes: this.sizeBytes, quotaBytes: this.#options.quotaBytes ?? 0 };
    const judged = judgeSpace(this.#state.records, use, cost);
    if (judged === "raise") this.setAlarm("nospace", true).catch(() => undefined);
    if (judged !== "free") throw refusal("no-space");
  }

  #writeRecords(decide: (now: RecordsView) => readonly RecordChange[]): Promise<void> {
    return this.#writer.write(0, () => {
      for (const change of decide(this.#state.records)) this.#state.changeRecord(change);
    });
  }

  *#timeToLive(id: LeaseId, withKeys: boolean): Steps<LeaseTimeToLive> {
    const lease = this.#state.leases.get(id);
    if (lease === undefined) return { id, ttlS: -1, grantedTtlS: 0, keys: [] };
    const leftMs = lease.deadlineMs - this.#options.clock.monotonic();
    const keys = withKeys ? yield* keysOf(lease) : [];
    return { id, ttlS: Math.max(0, Math.floor(leftMs / 1000)), grantedTtlS: lease.ttlS, keys };
  }

  *#revoke(id: LeaseId): Steps<Header> {
    const lease = this.#state.leases.get(id);
    if (lease === undefined) throw refusal("lease-not-found");
    yield* this.#state.revokeLease(lease);
    return { revision: BigInt(this.#state.workRevision) };
  }

  /** A lease may have been revoked, or renewed, since its end was noticed. */
  *#revokeIfThere(lease: Lease): Steps<void> {
    const current = this.#state.leases.get(lease.id);
    const hasEnded = current === lease && lease.deadlineMs <= this.#options.clock.monotonic();
    if (hasEnded) yield* this.#state.revokeLease(lease);
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
