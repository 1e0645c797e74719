/**
 * What etcd 3.4 keeps in which bucket of its database, in both directions: the store's snapshot as entries, and entries
 * as a snapshot. Pure.
 *
 * A store's snapshot has no past. In etcd's terms the past has been compacted at the snapshot's revision, at which an etcd
 * goes on that is started from it, unless there is history behind that. Alarms are a member's, and stay behind.
 */
import type { SnapshotItem, StoreIdentity } from "../local-store.ts";
import type { Bytes, KeyValue, StoreEvent } from "../store.ts";
import { keyValue } from "../wire/etcd-messages.ts";
import { decode, encode, int64, message, uint64 } from "../wire/message.ts";
import { type BoltReader, DamagedBolt } from "./bolt-reader.ts";
import { BoltWriter, type Pages } from "./bolt-writer.ts";
import { readRevisionKey, writeRevisionKey } from "./revision-key.ts";

type Entry = readonly [key: Bytes, value: Bytes];
type Head = Extract<SnapshotItem, { readonly kind: "head" }>;

const leaseRecord = message({ id: int64(1), ttlS: int64(2) });
const identityRecord = message({ clusterId: uint64(1), memberId: uint64(2) });

/** Buckets of records that are etcd's own too. */
const AUTH_BUCKETS = ["auth", "authRoles", "authUsers"];
const ALARMS = "alarm";
/** Buckets that etcd's tools expect, and that a snapshot leaves empty: a restored etcd is a new cluster. */
const EMPTY_BUCKETS = ["alarm", "cluster", "members", "members_removed"];
const NOTHING: Bytes = new Uint8Array(0);
const META = "meta";
/** A bucket of ours, which etcd passes over. */
const OUR_BUCKET = "flotilla";
const IDENTITY = Buffer.from("identity");
const SCHEDULED_COMPACTION = Buffer.from("scheduledCompactRev");
const FINISHED_COMPACTION = Buffer.from("finishedCompactRev");
const CONSISTENT_INDEX = Buffer.from("consistent_index");
/** What is in them is no part of what clients see: whom a member knows, and how far its log has been carried out. */
const OWN_BUCKETS = ["cluster", "members", "members_removed", META];

/** An entry of a database that belongs to its member. */
export interface OwnEntry {
  readonly bucket: string;
  readonly key: Bytes;
  readonly value: Bytes;
}

/** A member that has not begun, as etcd's tools make one of a snapshot. */
const NOT_BEGUN: readonly OwnEntry[] = [
  { bucket: META, key: CONSISTENT_INDEX, value: Buffer.of(0, 0, 0, 0, 0, 0, 0, 1) },
];

export class EtcdDatabaseWriter {
  readonly #bolt = new BoltWriter();
  /** Buckets that are not in order as they come. Keys are Latin-1, of which each character is a byte. */
  readonly #small = new Map<string, Map<string, Bytes>>();
  #head: Head | undefined;
  #revision = 0n;
  #sub = 0n;

  /** Takes the next part of the snapshot. Returns pages of the file. */
  add(item: SnapshotItem): readonly Buffer[] {
    if (item.kind === "key") return this.#addKey(item.kv, encode(keyValue, item.kv), false);
    if (item.kind === "head") this.#head = item;
    else if (item.kind === "lease") this.#addSmall("lease", leaseEntry(item.id, item.ttlS));
    else if (item.bucket !== ALARMS) this.#addRecord(item.bucket, item.name, item.value);
    return [];
  }

  /** Takes a change behind the snapshot's revision, after all of its keys and in order. Returns pages of the file. */
  addEvent({ type, kv }: StoreEvent): readonly Buffer[] {
    if (type === "put") return this.#addKey(kv, encode(keyValue, kv), false);
    return this.#addKey(kv, encode(keyValue, { key: kv.key }), true);
  }

  /** Ends the file: its last pages; returns the first, which belong at its beginning. */
  *end(own = NOT_BEGUN): Pages<readonly Buffer[]> {
    yield* this.#bolt.endBucket("key");
    this.#addHead();
    for (const { bucket, key, value } of own) this.#addSmall(bucket, [key, value]);
    const small = [...new Set([...EMPTY_BUCKETS, ...AUTH_BUCKETS, "lease", ...this.#small.keys()])];
    for (const name of small) yield* this.#smallBucket(name);
    return yield* this.#bolt.end();
  }

  #addKey({ modRevision }: KeyValue, value: Uint8Array, deleted: boolean): readonly Buffer[] {
    this.#sub = modRevision === this.#revision ? this.#sub + 1n : 0n;
    this.#revision = modRevision;
    const page = this.#bolt.add(writeRevisionKey(modRevision, this.#sub, deleted), value);
    return page === undefined ? [] : [page];
  }

  #addRecord(bucket: string, name: string, value: Bytes): void {
    const isShared = AUTH_BUCKETS.includes(bucket);
    const key = Buffer.from(isShared ? name : `${bucket}/${name}`);
    this.#addSmall(isShared ? bucket : OUR_BUCKET, [key, new Uint8Array(value)]);
  }

  #addHead(): void {
    const { identity, revision = 1n } = this.#head ?? {};
    const compaction = writeRevisionKey(revision, 0n);
    this.#addSmall(META, [SCHEDULED_COMPACTION, compaction]);
    this.#addSmall(META, [FINISHED_COMPACTION, compaction]);
    if (identity !== undefined) this.#addSmall(OUR_BUCKET, [IDENTITY, encode(identityRecord, identity)]);
  }

  #addSmall(bucket: string, [key, value]: Entry): void {
    const entries = this.#small.get(bucket) ?? new Map<string, Bytes>();
    entries.set(Buffer.from(key).toString("latin1"), value);
    this.#small.set(bucket, entries);
  }

  *#smallBucket(name: string): Pages<void> {
    const entries = this.#small.get(name) ?? new Map<string, Bytes>();
    for (const key of [...entries.keys()].toSorted()) {
      const page = this.#bolt.add(Buffer.from(key, "latin1"), entries.get(key) ?? NOTHING);
      if (page !== undefined) yield page;
    }
    yield* this.#bolt.endBucket(name);
  }
}

function leaseEntry(id: bigint, ttlS: number): Entry {
  const key = Buffer.alloc(8);
  key.writeBigInt64BE(id);
  return [key, encode(leaseRecord, { id, ttlS: BigInt(ttlS) })];
}

/**
 * The parts of a store's snapshot that a database holds, in the order in which {@link SnapshotItem} says they come.
 * @throws DamagedBolt when it does not hold together.
 */
export function* readEtcdDatabase(bolt: BoltReader): Generator<SnapshotItem, void, undefined> {
  const { revision, newest } = survey(bolt);
  yield { kind: "head", revision, identity: readIdentity(bolt) };
  for (const { value } of bolt.bucket("lease")) {
    const { id, ttlS } = decode(leaseRecord, value);
    yield { kind: "lease", id, ttlS: Number(ttlS) };
  }
  for (const bucket of AUTH_BUCKETS) {
    for (const { key, value } of bolt.bucket(bucket)) yield record(bucket, key.toString(), value);
  }
  for (const { key, value } of bolt.bucket(OUR_BUCKET)) {
    if (key.equals(IDENTITY)) continue;
    const [bucket = "", ...name] = key.toString().split("/");
    yield record(bucket, name.join("/"), value);
  }
  for (const { key, value } of bolt.bucket("key")) {
    const kv = decode(keyValue, value);
    if (newest.get(Buffer.from(kv.key).toString("latin1")) === key.toString("latin1"))
      yield { kind: "key", kv };
  }
}

/** What belongs to the member whose database it is. Bytes are copied. */
export function readOwnEntries(bolt: BoltReader): readonly OwnEntry[] {
  return OWN_BUCKETS.flatMap((bucket) =>
    [...bolt.bucket(bucket)]
      .filter(({ key }) => !key.equals(SCHEDULED_COMPACTION) && !key.equals(FINISHED_COMPACTION))
      .map(({ key, value }) => ({ bucket, key: Buffer.from(key), value: Buffer.from(value) })),
  );
}

function record(bucket: string, name: string, value: Bytes): SnapshotItem {
  return { kind: "record", bucket, name, value };
}

/** The database's revision, and where the newest version of each key that exists is: deletions leave nothing. */
function survey(bolt: BoltReader): { revision: bigint; newest: ReadonlyMap<string, string> } {
  const newest = new Map<string, string>();
  let revision = compactRevision(bolt);
  for (const { key, value } of bolt.bucket("key")) {
    const at = readRevisionKey(key);
    if (at === undefined) throw new DamagedBolt("a key's revision is none");
    if (at.main > revision) revision = at.main;
    const name = Buffer.from(decode(keyValue, value).key).toString("latin1");
    if (at.deleted) newest.delete(name);
    else newest.set(name, key.toString("latin1"));
  }
  return { revision, newest };
}

function compactRevision(bolt: BoltReader): bigint {
  let revision = 1n;
  for (const { key, value } of bolt.bucket(META)) {
    if (key.equals(FINISHED_COMPACTION)) revision = readRevisionKey(value)?.main ?? revision;
  }
  return revision;
}

/** Zeros in a database that etcd has made: it does not say whose it was. */
function readIdentity(bolt: BoltReader): StoreIdentity {
  for (const { key, value } of bolt.bucket(OUR_BUCKET)) {
    if (key.equals(IDENTITY)) return decode(identityRecord, value);
  }
  return { clusterId: 0n, memberId: 0n };
}
