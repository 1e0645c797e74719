/**
 * A map in order of its string keys: a list of sorted blocks of bounded size, so that a lookup is two binary searches
 * and an insertion moves at most one block's entries.
 *
 * Invariants: keys ascend within a block and from block to block; no block is empty, except the only one.
 */

interface Block<T> {
  readonly keys: string[];
  readonly values: T[];
}

/** Some entries that follow one another: keys, and the value of each at the same index. */
export interface Piece<T> {
  readonly keys: readonly string[];
  readonly values: readonly T[];
}

const BLOCK_SIZE_MAX = 256;
const PIECE_SIZE_MAX = 32;

export class SortedMap<T> {
  #blocks: Block<T>[] = [{ keys: [], values: [] }];
  #size = 0;
  /** Where the last lookup ended: the next one is often of the same key, or of one close to it. */
  #blockAt = 0;
  #at = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): T | undefined {
    const block = this.#seek(key);
    return block.keys[this.#at] === key ? block.values[this.#at] : undefined;
  }

  set(key: string, value: T): void {
    const block = this.#seek(key);
    if (block.keys[this.#at] === key) {
      block.values[this.#at] = value;
      return;
    }
    block.keys.splice(this.#at, 0, key);
    block.values.splice(this.#at, 0, value);
    this.#size += 1;
    if (block.keys.length > BLOCK_SIZE_MAX) this.#split(this.#blockAt, block, this.#at);
  }

  delete(key: string): boolean {
    const block = this.#seek(key);
    if (block.keys[this.#at] !== key) return false;
    block.keys.splice(this.#at, 1);
    block.values.splice(this.#at, 1);
    this.#size -= 1;
    if (block.keys.length === 0 && this.#blocks.length > 1) this.#blocks.splice(this.#blockAt, 1);
    return true;
  }

  /** The entries from `from` on and before `to`, in order, some at a time. The map may be changed between two pieces. */
  *pieces(from: string, to: string | undefined): Generator<Piece<T>, void, undefined> {
    for (let next = from; ; ) {
      const piece = this.#piece(next, to);
      const last = piece.keys.at(-1);
      if (last === undefined) return;
      yield piece;
      // The next possible key.
      next = `${last}\0`;
    }
  }

  #piece(from: string, to: string | undefined): Piece<T> {
    const blockAt = this.#blockFor(from);
    let block = this.#blocks[blockAt];
    let start = lowerBound(block?.keys ?? [], from);
    if (start === block?.keys.length) {
      block = this.#blocks[blockAt + 1];
      start = 0;
    }
    if (block === undefined) return { keys: [], values: [] };
    const toEnd = to === undefined ? block.keys.length : lowerBound(block.keys, to);
    const end = Math.min(toEnd, start + PIECE_SIZE_MAX);
    return { keys: block.keys.slice(start, end), values: block.values.slice(start, end) };
  }

  /** Finds where a key is, or would be: at `#at` in the block. */
  #seek(key: string): Block<T> {
    if (!this.#isFor(this.#blockAt, key)) this.#blockAt = this.#blockFor(key);
    const block = this.#blocks[this.#blockAt];
    if (block === undefined) throw new RangeError("a sorted map has at least one block");
    if (!isPlaceOf(block.keys, this.#at, key)) this.#at = lowerBound(block.keys, key);
    return block;
  }

  #isFor(blockAt: number, key: string): boolean {
    const first = this.#blocks[blockAt]?.keys[0];
    if (first === undefined || (blockAt > 0 && key < first)) return false;
    const next = this.#blocks[blockAt + 1]?.keys[0];
    return next === undefined || key < next;
  }

  /** Index of the last block whose first key is not after `key`, or 0. */
  #blockFor(key: string): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const first = this.#blocks[middle]?.keys[0];
      if (first !== undefined && first <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Halves a full block; after an insertion at its very end only that one moves on, which packs ascending keys. */
  #split(blockAt: number, block: Block<T>, insertedAt: number): void {
    const last = block.keys.length - 1;
    const middle = insertedAt === last ? last : block.keys.length >>> 1;
    const next = { keys: block.keys.splice(middle), values: block.values.splice(middle) };
    this.#blocks.splice(blockAt + 1, 0, next);
  }
}

function isPlaceOf(keys: readonly string[], at: number, key: string): boolean {
  const before = keys[at - 1];
  if (before === undefined ? at > 0 : before >= key) return false;
  const here = keys[at];
  return here === undefined ? at === keys.length : here >= key;
}

/** Index of the first key that is not before `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const candidate = keys[middle];
    if (candidate !== undefined && candidate < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
