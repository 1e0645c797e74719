/**
 * What the server keeps of requests that are not complete, over all its connections: without a bound, peers that begin
 * large requests and never end them would fill the memory. A request that comes in one piece is not counted.
 */
import { StoreError } from "../store.ts";

/** More than a hundred requests of the largest size. */
export const HELD_BYTES_MAX = 256 * 1024 * 1024;

export class HeldBytes {
  readonly #max: number;
  #held = 0;

  constructor(max = HELD_BYTES_MAX) {
    this.#max = max;
  }

  get bytes(): number {
    return this.#held;
  }

  /** What one request holds; nothing yet. */
  share(): HeldShare {
    return new HeldShare((more) => {
      if (more > 0 && this.#held + more > this.#max) return false;
      this.#held += more;
      return true;
    });
  }
}

export class HeldShare {
  readonly #take: (more: number) => boolean;
  #bytes = 0;

  constructor(take: (more: number) => boolean) {
    this.#take = take;
  }

  /** @throws StoreError when all requests together would hold too much. */
  set(bytes: number): void {
    if (!this.#take(bytes - this.#bytes)) {
      throw new StoreError("resource-exhausted", "etcdserver: too many requests");
    }
    this.#bytes = bytes;
  }
}
