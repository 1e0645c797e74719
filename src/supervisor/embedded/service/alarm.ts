/** Something that is done when a wall-clock time has come, and that is put off again and again. */
import type { Clock, Timer } from "#base/clock.ts";

export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | undefined;
  #dueMs: number | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings once at this time; undefined: not at all. */
  set(dueMs: number | undefined): void {
    if (dueMs === this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    if (dueMs === undefined) return;
    this.#timer = this.#clock.setTimer(dueMs - this.#clock.now(), () => {
      this.#dueMs = undefined;
      this.#ring();
    });
  }
}
