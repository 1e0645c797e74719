/**
 * The file format of bbolt, the database under etcd (go.etcd.io/bbolt): pages of one size, of which the first two hold
 * the meta data, a B+ tree for each bucket, and one tree that holds the buckets. Numbers are little-endian.
 */
export const PAGE_BYTES = 4096;
export const PAGE_HEADER_BYTES = 16;
/** Of each entry of a leaf or branch page, before the keys and values themselves. */
export const ELEMENT_BYTES = 16;
export const PAGE = { branch: 1, leaf: 2, meta: 4, freelist: 16 } as const;
/** Marks an entry of a leaf whose value is a bucket. */
export const BUCKET_ENTRY = 1;
/** A bucket as a value: where its tree begins, and its sequence. */
export const BUCKET_BYTES = 16;

const MAGIC = 0xed0c_daed;
const VERSION = 2;
const META_BYTES = 64;
/** What the checksum of the meta data covers. */
const SUMMED_BYTES = 56;

/** The meta data of a file: where its trees begin. */
export interface Meta {
  readonly pageBytes: number;
  /** Page of the tree of buckets. */
  readonly root: number;
  readonly freelist: number;
  /** Pages of the file. */
  readonly pages: number;
  readonly transaction: bigint;
}

export function writeMeta(page: number, meta: Meta): Buffer {
  const bytes = pageOf(page, PAGE.meta, 0, 0);
  const content = bytes.subarray(PAGE_HEADER_BYTES);
  content.writeUInt32LE(MAGIC, 0);
  content.writeUInt32LE(VERSION, 4);
  content.writeUInt32LE(meta.pageBytes, 8);
  content.writeBigUInt64LE(BigInt(meta.root), 16);
  content.writeBigUInt64LE(BigInt(meta.freelist), 32);
  content.writeBigUInt64LE(BigInt(meta.pages), 40);
  content.writeBigUInt64LE(meta.transaction, 48);
  content.writeBigUInt64LE(fnv1a(content.subarray(0, SUMMED_BYTES)), SUMMED_BYTES);
  return bytes;
}

/** Undefined when the page is no meta page, or is damaged. */
export function readMeta(page: Buffer): Meta | undefined {
  if (page.length < PAGE_HEADER_BYTES + META_BYTES) return undefined;
  const content = page.subarray(PAGE_HEADER_BYTES);
  if (content.readUInt32LE(0) !== MAGIC || content.readUInt32LE(4) !== VERSION) return undefined;
  if (content.readBigUInt64LE(SUMMED_BYTES) !== fnv1a(content.subarray(0, SUMMED_BYTES))) return undefined;
  return {
    pageBytes: content.readUInt32LE(8),
    root: Number(content.readBigUInt64LE(16)),
    freelist: Number(content.readBigUInt64LE(32)),
    pages: Number(content.readBigUInt64LE(40)),
    transaction: content.readBigUInt64LE(48),
  };
}

/** An empty page. @param overflow how many more pages it goes on for. */
export function pageOf(id: number, flags: number, count: number, overflow: number): Buffer {
  const page = Buffer.alloc(PAGE_BYTES * (overflow + 1));
  page.writeBigUInt64LE(BigInt(id), 0);
  page.writeUInt16LE(flags, 8);
  page.writeUInt16LE(count, 10);
  page.writeUInt32LE(overflow, 12);
  return page;
}

/** FNV-1a of 64 bits. */
function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100_0000_01b3n);
  return hash;
}
