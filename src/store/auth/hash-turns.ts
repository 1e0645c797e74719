/**
 * Passwords are hashed one at a time: each hash takes a thread of the few that write the log as well, and 16 MiB, and
 * anybody who reaches the store can ask for one.
 */
import { authRefusal } from "./refusals.ts";

/** About two seconds of work; whoever comes then would wait longer than clients do. */
const WAITING_MAX = 64;

export class HashTurns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Does the work when all before it is done. @throws StoreError when too many wait. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting > WAITING_MAX) throw authRefusal("too-many-requests");
    this.#waiting += 1;
    const before = this.#last;
    const turn = before.then(work, work);
    this.#last = turn;
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}
