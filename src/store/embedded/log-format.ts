/**
 * What the frames of a log file say. The first is the file's header, every other a group of changes that became durable
 * together. Numbers that count files, revisions and bytes are JSON numbers, 64-bit IDs are texts.
 *
 * A group: u48 revision of the store after it, u32 length of the changes, the changes as JSON, then whole records of
 * versions (mvcc/record.ts).
 */
import type { StoreIdentity } from "../local-store.ts";
import type { Change, Group } from "../mvcc/change.ts";
import { type RecordBytes, type VersionRecord, wholeRecordAt } from "../mvcc/record.ts";

/** Raise it when an older version could not read what this one writes. Format 1 was a SQLite file. */
export const FORMAT = 2;

export interface LogHeader {
  readonly format: number;
  readonly identity: StoreIdentity;
  /** The numbers of the files it holds: its own, unless it was packed from several. */
  readonly first: number;
  readonly last: number;
  /** Its versions are later than this revision. */
  readonly after: number;
  readonly salt: number;
  /** Bytes behind the header, for a file that was packed and is never written to again. */
  readonly packedBytes?: number;
  /** The length of the file before it when this one was begun; that file may have been packed since. */
  readonly previousBytes: number;
  /** What makes the leases, records and compaction as they were when it was begun. */
  readonly changes: readonly Change[];
}

/** Something in a file is not as it was written. */
export class DamagedContent extends Error {}

export function encodeHeader(header: LogHeader): Buffer {
  const { identity, changes, ...rest } = header;
  const content = {
    ...rest,
    cluster: identity.clusterId.toString(),
    member: identity.memberId.toString(),
    changes: changes.map(changeToJson),
  };
  return Buffer.from(JSON.stringify(content));
}

/** @throws DamagedContent; the format is not looked at, because only the caller knows what to say of it. */
export function decodeHeader(content: Buffer): LogHeader {
  const json = fields(parseJson(content));
  const format = number(json.format);
  // Of a newer format nothing else is known.
  if (format > FORMAT) return { ...NEWER, format };
  return {
    format,
    identity: { clusterId: bigint(json.cluster), memberId: bigint(json.member) },
    first: number(json.first),
    last: number(json.last),
    after: number(json.after),
    salt: number(json.salt),
    ...(json.packedBytes === undefined ? {} : { packedBytes: number(json.packedBytes) }),
    previousBytes: number(json.previousBytes),
    changes: list(json.changes).map(changeFromJson),
  };
}

const NEWER = {
  identity: { clusterId: 0n, memberId: 0n },
  first: 0,
  last: 0,
  after: 0,
  salt: 0,
  previousBytes: 0,
  changes: [],
};

const GROUP_HEAD_BYTES = 10;

/** The content of a group's frame, in pieces. */
export function encodeGroup({ changes, versions, revision }: Group): readonly Buffer[] {
  const json =
    changes.length === 0 ? Buffer.alloc(0) : Buffer.from(JSON.stringify(changes.map(changeToJson)));
  const head = Buffer.alloc(GROUP_HEAD_BYTES);
  head.writeUIntLE(revision, 0, 6);
  head.writeUInt32LE(json.length, 6);
  return [head, json, ...versions];
}

export interface DecodedGroup {
  readonly revision: number;
  readonly changes: readonly Change[];
  readonly versions: Iterable<VersionRecord>;
}

/**
 * The group that is a frame's content, from `from` to `end` in the bytes of a file.
 * @throws DamagedContent, also while the versions are read.
 */
export function decodeGroup(file: RecordBytes, from: number, end: number): DecodedGroup {
  const { buffer } = file;
  if (from + GROUP_HEAD_BYTES > end) throw new DamagedContent("a group of changes is too short");
  const jsonAt = from + GROUP_HEAD_BYTES;
  const versionsAt = jsonAt + buffer.readUInt32LE(from + 6);
  if (versionsAt > end) throw new DamagedContent("a group of changes is too short");
  const json = buffer.subarray(jsonAt, versionsAt);
  return {
    revision: buffer.readUIntLE(from, 6),
    changes: json.length === 0 ? [] : list(parseJson(json)).map(changeFromJson),
    versions: versionsIn(file, versionsAt, end),
  };
}

function* versionsIn(
  file: RecordBytes,
  from: number,
  end: number,
): Generator<VersionRecord, void, undefined> {
  for (let at = from; at < end; ) {
    const record = wholeRecordAt(file, at, end);
    if (record === undefined) throw new DamagedContent("a version is not whole");
    yield record;
    at += record.length;
  }
}

function changeToJson(change: Change): unknown {
  switch (change.kind) {
    case "lease-grant":
      return { grant: change.id.toString(), ttl: change.ttlS };
    case "lease-revoke":
      return { revoke: change.id.toString() };
    case "compact":
      return { compact: change.revision };
    case "record": {
      const { bucket, name, value } = change;
      return { bucket, name, value: value === undefined ? null : Buffer.from(value).toString("base64") };
    }
  }
}

function changeFromJson(json: unknown): Change {
  const { grant, ttl, revoke, compact, bucket, name, value } = fields(json);
  if (grant !== undefined) return { kind: "lease-grant", id: bigint(grant), ttlS: number(ttl) };
  if (revoke !== undefined) return { kind: "lease-revoke", id: bigint(revoke) };
  if (compact !== undefined) return { kind: "compact", revision: number(compact) };
  const bytes = value === null ? undefined : Buffer.from(text(value), "base64");
  return { kind: "record", bucket: text(bucket), name: text(name), value: bytes };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new DamagedContent(error instanceof Error ? error.message : String(error));
  }
}

function fields(json: unknown): Partial<Record<string, unknown>> {
  if (typeof json !== "object" || json === null) throw new DamagedContent("fields are missing");
  return Object.fromEntries(Object.entries(json));
}

function list(json: unknown): readonly unknown[] {
  if (!Array.isArray(json)) throw new DamagedContent("a list is missing");
  return json;
}

function number(json: unknown): number {
  if (typeof json !== "number" || !Number.isSafeInteger(json))
    throw new DamagedContent("a number is missing");
  return json;
}

function text(json: unknown): string {
  if (typeof json !== "string") throw new DamagedContent("a text is missing");
  return json;
}

function bigint(json: unknown): bigint {
  const digits = text(json);
  if (!/^-?\d+$/.test(digits)) throw new DamagedContent("an ID is missing");
  return BigInt(digits);
}
