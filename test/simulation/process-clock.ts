/**
 * The clock of one simulated daemon: the world's time seen through a skewed wall clock and a monotonic clock that
 * began at the machine's boot. A paused process sees nothing happen until it is resumed; an ended one never again.
 */
import type { Clock, Timer } from "#base/clock.ts";

/** The machine's; it changes when its wall clock is set and when it has been suspended. */
export interface ClockSkew {
  wallMs: number;
  /** World time at which the machine came up. */
  readonly bootMs: number;
  /** How long it was suspended since then, which its monotonic clock does not count. */
  suspendedMs: number;
}

/** Less is rounding: time of this size is lost in sums, and would be waited for without end. */
const RESOLUTION_MS = 0.001;

export class ProcessClock implements Clock {
  readonly #world: Clock;
  readonly #skew: ClockSkew;
  #resumesMs = Number.NEGATIVE_INFINITY;
  /** What reached the process while it was paused, in order. */
  readonly #held: (() => void)[] = [];
  #ended = false;

  constructor(world: Clock, skew: ClockSkew) {
    this.#world = world;
    this.#skew = skew;
  }

  get ended(): boolean {
    return this.#ended;
  }

  now(): number {
    return Math.floor(this.#world.now() + this.#skew.wallMs);
  }

  monotonic(): number {
    return this.boottime() - this.#skew.suspendedMs;
  }

  boottime(): number {
    return this.#world.monotonic() - this.#skew.bootMs;
  }

  /** The world's time at which `boottime` shows this. */
  worldTimeOf(bootMs: number): number {
    return bootMs + this.#skew.bootMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const leastMs = delayMs > 0 ? RESOLUTION_MS : 0;
    let timer = this.#world.setTimer(Math.max(delayMs, leastMs), () => run());
    const dueMs = this.monotonic() + delayMs;
    const run = (): void => {
      if (this.#ended) return;
      const waitMs = Math.max(this.#resumesMs - this.#world.monotonic(), dueMs - this.monotonic());
      if (waitMs > RESOLUTION_MS) timer = this.#world.setTimer(waitMs, run);
      else fire();
    };
    return { cancel: () => timer.cancel() };
  }

  /** Calls `act` now, or when the process goes on, behind what came before; never once it has ended. */
  run(act: () => void): void {
    if (this.#ended) return;
    if (!this.paused && this.#held.length === 0) {
      act();
      return;
    }
    this.#held.push(act);
    // Timers of one moment may be off by rounding: whichever comes first takes what came first.
    this.setTimer(0, () => this.#held.shift()?.());
  }

  /** Lets no time pass for the process for `durationMs`, while time passes for everybody else. */
  pause(durationMs: number): void {
    this.#resumesMs = Math.max(this.#resumesMs, this.#world.monotonic() + durationMs);
  }

  /** World time at which the latest pause ends, or ended. */
  get resumesMs(): number {
    return this.#resumesMs;
  }

  get paused(): boolean {
    return this.#resumesMs > this.#world.monotonic();
  }

  /** The process is gone: what it waited for never comes. */
  end(): void {
    this.#ended = true;
  }
}
