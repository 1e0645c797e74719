/** Turns of Node's event loop, shared by all that has long work to do. */
import type { Clock } from "#base/clock.ts";
import type { Turns } from "../mvcc/steps.ts";

/** About what a disk takes for a group of writes: those that come meanwhile wait no longer for this than for the disk. */
const SHARE_MS = 0.5;

export class LoopTurns implements Turns {
  readonly #clock: Clock;
  /** When this turn's work began; undefined while there was none. */
  #beganMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isOver(): boolean {
    const nowMs = this.#clock.monotonic();
    if (this.#beganMs === undefined) {
      this.#beganMs = nowMs;
      // The loop polls for input after its immediates; what they do next counts for the next turn.
      setImmediate(() => {
        this.#beganMs = undefined;
      });
    }
    return nowMs - this.#beganMs >= SHARE_MS;
  }

  next(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
