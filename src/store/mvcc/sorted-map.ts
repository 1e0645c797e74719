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

export class SortedMap<T> {
  #blocks: Block<T>[] = [{ keys: [], values: [] }];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): T | undefined {
    const block = this.#blocks[this.#blockFor(key)];
    if (block === undefined) return undefined;
    const at = lowerBound(block.keys, key);
    return block.keys[at] === key ? block.values[at] : undefined;
  }

  set(key: string, value: T): void {
    const blockAt = this.#blockFor(key);
    const block = this.#blocks[blockAt];
    if (block === undefined) return;
    const at = lowerBound(block.keys, key);
    if (block.keys[at] === key) {
      block.values[at] = value;
      return;
    }
    block.keys.splice(at, 0, key);
    block.values.splice(at, 0, value);
    this.#size += 1;
    if (block.keys.length > BLOCK_SIZE_MAX) this.#split(blockAt, block, at);
  }

  delete(key: string): boolean {
    const blockAt = this.#blockFor(key);
    const block = this.#blocks[blockAt];
    if (block === undefined) return false;
    const at = lowerBound(block.keys, key);
    if (block.keys[at] !== key) return false;
    block.keys.splice(at, 1);
    block.values.splice(at, 1);
    this.#size -= 1;
    if (block.keys.length === 0 && this.#blocks.length > 1) this.#blocks.splice(blockAt, 1);
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
    const end = to === undefined ? block.keys.length : lowerBound(block.keys, to);
    return { keys: block.keys.slice(start, end), values: block.values.slice(start, end) };
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
