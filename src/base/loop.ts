/**
 * The form every control loop has: go round when woken, one pass at a time, and once in a long while unasked.
 *
 * Invariants: two passes never overlap; a wake during a pass causes exactly one more pass; a pass that throws is
 * reported and tried again after a capped, jittered, growing delay. It must not know what a pass does.
 */

import { type BackoffLimits, backoffDelayMs } from "./backoff.ts";
import type { Clock, Timer } from "./clock.ts";
import type { Random } from "./random.ts";

export interface LoopOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** One round of the loop. */
  readonly pass: () => Promise<void>;
  /** Told of each pass that threw, with the number of failures in a row. */
  readonly onError: (error: unknown, failures: number) => void;
  /** The safety net: a pass is run at least this often. */
  readonly safetyIntervalMs: number;
  /** Delays between tries of a pass that fails; see backoff.ts for the default. */
  readonly backoff?: BackoffLimits;
}

export class Loop {
  readonly #options: LoopOptions;
  #running: Promise<void> | undefined;
  #woken = false;
  #stopped = false;
  #failures = 0;
  #timer: Timer | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Asks for a pass: at once when idle, after the running one otherwise. */
  wake(): void {
    if (this.#stopped) return;
    this.#woken = true;
    this.#running ??= this.#run();
  }

  /** Asks for a pass no later than `delayMs` from now, beside the regular ones. */
  wakeAfter(delayMs: number): Timer {
    return this.#options.clock.setTimer(delayMs, () => this.wake());
  }

  /** Starts no further pass and resolves when the running one has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    // The pass begins in a later microtask, so that several wakes in a row cause one pass.
    await Promise.resolve();
    this.#timer?.cancel();
    let delayMs = this.#options.safetyIntervalMs;
    while (this.#woken && !this.#stopped) {
      this.#woken = false;
      delayMs = await this.#pass();
    }
    this.#running = undefined;
    this.#schedule(delayMs);
  }

  async #pass(): Promise<number> {
    try {
      await this.#options.pass();
      this.#failures = 0;
      return this.#options.safetyIntervalMs;
    } catch (error) {
      this.#failures += 1;
      if (!this.#stopped) this.#options.onError(error, this.#failures);
      return backoffDelayMs(this.#failures, this.#options.random, this.#options.backoff);
    }
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#timer = this.wakeAfter(delayMs);
  }
}
