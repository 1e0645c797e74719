/**
 * Reads the entries of a bbolt file's buckets, in order. Pure but for the function that gives it bytes of the file.
 * A file that does not hold together is refused with what is wrong; nothing of it is believed unchecked.
 */
import {
  BUCKET_BYTES,
  BUCKET_ENTRY,
  ELEMENT_BYTES,
  type Meta,
  PAGE,
  PAGE_BYTES,
  PAGE_HEADER_BYTES,
  readMeta,
} from "./bolt-format.ts";

/** Gives `length` bytes of the file from `offset` on, or fewer where it ends. */
export type ReadBytes = (offset: number, length: number) => Buffer;

export class DamagedBolt extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DamagedBolt";
  }
}

export interface BoltEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Deeper than any tree of pages can be. */
const DEPTH_MAX = 64;

export class BoltReader {
  readonly #read: ReadBytes;
  readonly #meta: Meta;

  /** @throws DamagedBolt when neither of the two pages of meta data is whole. */
  constructor(read: ReadBytes) {
    this.#read = read;
    this.#meta = newestMeta(read);
  }

  /** The entries of a bucket, ascending; none where there is no such bucket. Views of what was read. */
  *bucket(name: string): Generator<BoltEntry, void, undefined> {
    for (const entry of this.#entries(this.#meta.root, 0)) {
      if (entry.isBucket && entry.key.toString() === name) yield* this.#bucketEntries(entry.value);
    }
  }

  *#bucketEntries(value: Buffer): Generator<BoltEntry, void, undefined> {
    if (value.length < BUCKET_BYTES) throw new DamagedBolt("a bucket has no root");
    const root = Number(value.readBigUInt64LE(0));
    // A small bucket has its only page with it.
    if (root === 0) yield* leafEntries(value.subarray(BUCKET_BYTES));
    else yield* this.#entries(root, 0);
  }

  *#entries(page: number, depth: number): Generator<LeafEntry, void, undefined> {
    if (depth > DEPTH_MAX) throw new DamagedBolt("its pages go round in a circle");
    const bytes = this.#page(page);
    const flags = bytes.readUInt16LE(8);
    if (flags === PAGE.leaf) {
      yield* leafEntries(bytes);
    } else if (flags === PAGE.branch) {
      for (const child of branchChildren(bytes)) yield* this.#entries(child, depth + 1);
    } else {
      throw new DamagedBolt(`page ${page} belongs to no tree`);
    }
  }

  #page(id: number): Buffer {
    const { pageBytes, pages } = this.#meta;
    if (!(id >= 2 && id < pages)) throw new DamagedBolt(`there is no page ${id}`);
    const header = this.#read(id * pageBytes, PAGE_HEADER_BYTES);
    if (header.length < PAGE_HEADER_BYTES) throw new DamagedBolt("the file ends too early");
    if (header.readBigUInt64LE(0) !== BigInt(id)) throw new DamagedBolt(`page ${id} is another one`);
    const length = (header.readUInt32LE(12) + 1) * pageBytes;
    if (id * pageBytes + length > pages * pageBytes) throw new DamagedBolt(`page ${id} has no end`);
    const bytes = this.#read(id * pageBytes, length);
    if (bytes.length < length) throw new DamagedBolt("the file ends too early");
    return bytes;
  }
}

interface LeafEntry extends BoltEntry {
  readonly isBucket: boolean;
}

function newestMeta(read: ReadBytes): Meta {
  const first = readMeta(read(0, PAGE_BYTES));
  const second = readMeta(read(first?.pageBytes ?? PAGE_BYTES, PAGE_BYTES));
  const newest = (first?.transaction ?? -1n) > (second?.transaction ?? -1n) ? first : second;
  if (newest === undefined) throw new DamagedBolt("it is no database of etcd's");
  return newest;
}

function* leafEntries(page: Buffer): Generator<LeafEntry, void, undefined> {
  const count = countOf(page);
  for (let index = 0; index < count; index += 1) {
    const element = PAGE_HEADER_BYTES + index * ELEMENT_BYTES;
    const start = element + page.readUInt32LE(element + 4);
    const middle = start + page.readUInt32LE(element + 8);
    const end = middle + page.readUInt32LE(element + 12);
    if (end > page.length) throw new DamagedBolt("an entry goes beyond its page");
    const isBucket = (page.readUInt32LE(element) & BUCKET_ENTRY) !== 0;
    yield { key: page.subarray(start, middle), value: page.subarray(middle, end), isBucket };
  }
}

function* branchChildren(page: Buffer): Generator<number, void, undefined> {
  const count = countOf(page);
  for (let index = 0; index < count; index += 1) {
    yield Number(page.readBigUInt64LE(PAGE_HEADER_BYTES + index * ELEMENT_BYTES + 8));
  }
}

function countOf(page: Buffer): number {
  const count = page.length < PAGE_HEADER_BYTES ? -1 : page.readUInt16LE(10);
  if (count < 0 || PAGE_HEADER_BYTES + count * ELEMENT_BYTES > page.length) {
    throw new DamagedBolt("a page says that it holds more than it can");
  }
  return count;
}
