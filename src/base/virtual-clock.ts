/** The fake of {@link Clock}: time stands still until it is advanced, and timers fire in order of their time. */
import type { Clock, Timer } from "./clock.ts";

interface PendingTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

export class VirtualClock implements Clock {
  readonly #startWallMs: number;
  #elapsedMs = 0;
  #order = 0;
  #pending: PendingTimer[] = [];

  constructor(startWallMs = Date.UTC(2026, 0, 1)) {
    this.#startWallMs = startWallMs;
  }

  now(): number {
    return this.#startWallMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  boottime(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, fire };
    const at = this.#pending.findIndex((other) => other.dueMs > timer.dueMs);
    this.#pending.splice(at === -1 ? this.#pending.length : at, 0, timer);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== timer);
      },
    };
  }

  /** Monotonic time at which the next timer is due; undefined when none is set. */
  nextDueMs(): number | undefined {
    return this.#pending[0]?.dueMs;
  }

  /** Moves time to the next timer, if it is due by `limitMs` (monotonic), and fires it. False when there was none. */
  fireNext(limitMs = Number.POSITIVE_INFINITY): boolean {
    const next = this.#pending[0];
    if (next === undefined || next.dueMs > limitMs) return false;
    this.#pending.shift();
    this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
    next.fire();
    return true;
  }

  /** Moves time forward without firing anything; for reaching a moment between timers. */
  skipTo(monotonicMs: number): void {
    this.#elapsedMs = Math.max(this.#elapsedMs, monotonicMs);
  }
}
