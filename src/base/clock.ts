/**
 * Time as an injected thing, so that every loop runs the same under a virtual clock.
 * The system's clock lives in host/; the virtual one, for tests and simulation, beside this interface.
 */

/** A timer that can be cancelled; cancelling twice is harmless. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time in milliseconds since 1970; may jump. */
  now(): number;
  /** Monotonic time in milliseconds from an arbitrary start; never goes back. Deadlines use this one. */
  monotonic(): number;
  /**
   * Milliseconds since the machine came up, those in which it was suspended included; never goes back. For deadlines that
   * others count as well: a machine that was suspended must not believe that no time has passed.
   */
  boottime(): number;
  /** Calls `fire` once after `delayMs` (any length, also beyond setTimeout's 2^31 ms). */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** Resolves after `delayMs`; rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
