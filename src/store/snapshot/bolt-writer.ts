/**
 * Writes a bbolt file from entries in order: pages are filled one after the other and never touched again, so that only
 * the first key of each page is kept in memory. Pure: it returns the pages, in the order of the file but for the first
 * three, which are known last.
 */
import {
  BUCKET_BYTES,
  BUCKET_ENTRY,
  ELEMENT_BYTES,
  PAGE,
  PAGE_BYTES,
  PAGE_HEADER_BYTES,
  pageOf,
  writeMeta,
} from "./bolt-format.ts";

type Bytes = Uint8Array;

/** Pages 0 and 1 hold the meta data, page 2 the list of free pages, which is empty. */
export const FIRST_PAGE = 3;
const FREELIST_PAGE = 2;
/** More entries than this a page's header cannot count. */
const ENTRIES_MAX = 0xffff;
const NOTHING: Bytes = new Uint8Array(0);

/** Pages in the order of the file, made when they are asked for. */
export type Pages<Result> = Generator<Buffer, Result, void>;

interface Entry {
  readonly key: Bytes;
  readonly value: Bytes;
}

/** Where a page is, and the first key under it. */
interface Child {
  readonly key: Bytes;
  readonly page: number;
}

export class BoltWriter {
  readonly #buckets: { readonly name: string; readonly root: number }[] = [];
  #nextPage = FIRST_PAGE;
  #leaf: Entry[] = [];
  #leafBytes = PAGE_HEADER_BYTES;
  #children: Child[] = [];

  /**
   * Adds an entry to the bucket that is being written; keys must ascend. Returns a page when one is full.
   * The bytes must stay as they are until then.
   */
  add(key: Bytes, value: Bytes): Buffer | undefined {
    const bytes = ELEMENT_BYTES + key.length + value.length;
    const isFull =
      this.#leaf.length > 0 && (this.#leafBytes + bytes > PAGE_BYTES || this.#leaf.length === ENTRIES_MAX);
    const page = isFull ? this.#endLeaf(0) : undefined;
    this.#leaf.push({ key, value });
    this.#leafBytes += bytes;
    return page;
  }

  /** Ends the bucket: its last pages, one by one, since a large bucket has many. */
  *endBucket(name: string): Pages<void> {
    this.#buckets.push({ name, root: yield* this.#endTree(0) });
  }

  /** Ends the file: its last pages; returns its first three. */
  *end(): Pages<readonly Buffer[]> {
    for (const { name, root } of this.#buckets.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const value = Buffer.alloc(BUCKET_BYTES);
      value.writeBigUInt64LE(BigInt(root), 0);
      this.add(Buffer.from(name), value);
    }
    const root = yield* this.#endTree(BUCKET_ENTRY);
    const meta = { pageBytes: PAGE_BYTES, root, freelist: FREELIST_PAGE, pages: this.#nextPage };
    return [
      writeMeta(0, { ...meta, transaction: 0n }),
      writeMeta(1, { ...meta, transaction: 1n }),
      pageOf(FREELIST_PAGE, PAGE.freelist, 0, 0),
    ];
  }

  /** The last leaf, and levels of branches until one page is left, which is the root. Returns where that is. */
  *#endTree(flags: number): Pages<number> {
    if (this.#leaf.length > 0 || this.#children.length === 0) yield this.#endLeaf(flags);
    let level = this.#children;
    this.#children = [];
    while (level.length > 1) level = yield* this.#branches(level);
    return level[0]?.page ?? 0;
  }

  #endLeaf(flags: number): Buffer {
    const page = leafPage(this.#nextPage, this.#leaf, this.#leafBytes, flags);
    this.#children.push({ key: Buffer.from(this.#leaf[0]?.key ?? NOTHING), page: this.#nextPage });
    this.#nextPage += page.length / PAGE_BYTES;
    this.#leaf = [];
    this.#leafBytes = PAGE_HEADER_BYTES;
    return page;
  }

  /** One level of branch pages over the pages of the level below. */
  *#branches(below: readonly Child[]): Pages<Child[]> {
    const level: Child[] = [];
    for (const children of branchGroups(below)) {
      const page = branchPage(this.#nextPage, children);
      level.push({ key: children[0]?.key ?? NOTHING, page: this.#nextPage });
      this.#nextPage += page.length / PAGE_BYTES;
      yield page;
    }
    return level;
  }
}

/** As many children a page as fit, but at least two, or there would be levels without end. */
function* branchGroups(children: readonly Child[]): Generator<Child[], void, undefined> {
  let group: Child[] = [];
  let bytes = PAGE_HEADER_BYTES;
  for (const child of children) {
    const more = ELEMENT_BYTES + child.key.length;
    if (group.length >= 2 && bytes + more > PAGE_BYTES) {
      yield group;
      group = [];
      bytes = PAGE_HEADER_BYTES;
    }
    group.push(child);
    bytes += more;
  }
  yield group;
}

function leafPage(id: number, entries: readonly Entry[], bytes: number, flags: number): Buffer {
  const page = pageOf(id, PAGE.leaf, entries.length, overflowOf(bytes));
  let element = PAGE_HEADER_BYTES;
  let at = element + entries.length * ELEMENT_BYTES;
  for (const { key, value } of entries) {
    page.writeUInt32LE(flags, element);
    page.writeUInt32LE(at - element, element + 4);
    page.writeUInt32LE(key.length, element + 8);
    page.writeUInt32LE(value.length, element + 12);
    page.set(key, at);
    page.set(value, at + key.length);
    at += key.length + value.length;
    element += ELEMENT_BYTES;
  }
  return page;
}

function branchPage(id: number, children: readonly Child[]): Buffer {
  const keyBytes = children.reduce((sum, { key }) => sum + key.length, 0);
  let at = PAGE_HEADER_BYTES + children.length * ELEMENT_BYTES;
  const page = pageOf(id, PAGE.branch, children.length, overflowOf(at + keyBytes));
  let element = PAGE_HEADER_BYTES;
  for (const { key, page: child } of children) {
    page.writeUInt32LE(at - element, element);
    page.writeUInt32LE(key.length, element + 4);
    page.writeBigUInt64LE(BigInt(child), element + 8);
    page.set(key, at);
    at += key.length;
    element += ELEMENT_BYTES;
  }
  return page;
}

function overflowOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) - 1;
}
