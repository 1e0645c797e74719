/** Revisions as etcd's database has them for keys: eight bytes, `_`, the place within the revision; `t` after a deletion. */

const MAIN_BYTES = 8;
const REVISION_BYTES = 17;
const SEPARATOR = 0x5f;
const TOMBSTONE = 0x74;

export interface RevisionKey {
  readonly main: bigint;
  readonly sub: bigint;
  readonly deleted: boolean;
}

export function writeRevisionKey(main: bigint, sub: bigint, deleted = false): Buffer {
  const bytes = Buffer.alloc(deleted ? REVISION_BYTES + 1 : REVISION_BYTES);
  if (deleted) bytes[REVISION_BYTES] = TOMBSTONE;
  bytes.writeBigUInt64BE(main, 0);
  bytes[MAIN_BYTES] = SEPARATOR;
  bytes.writeBigUInt64BE(sub, MAIN_BYTES + 1);
  return bytes;
}

/** Undefined when the bytes are no revision. */
export function readRevisionKey(bytes: Buffer): RevisionKey | undefined {
  if (bytes.length < REVISION_BYTES || bytes.length > REVISION_BYTES + 1) return undefined;
  return {
    main: bytes.readBigUInt64BE(0),
    sub: bytes.readBigUInt64BE(MAIN_BYTES + 1),
    deleted: bytes.length > REVISION_BYTES && bytes[REVISION_BYTES] === TOMBSTONE,
  };
}
