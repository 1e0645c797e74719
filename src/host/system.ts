/**
 * What the operating system gives that the core takes injected: the clock and random bytes.
 * host/ owns effects shared by several parts and knows nothing of the cluster.
 */
import { randomBytes, randomInt } from "node:crypto";
import { uptime } from "node:os";
import type { Clock, Timer } from "#base/clock.ts";
import type { Random } from "#base/random.ts";

/** setTimeout fires at once for longer delays, so those are taken in several legs. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  // From /proc/uptime, to a hundredth of a second and never ahead, which the shims read as well.
  boottime: () => uptime() * 1000,
  setTimer: (delayMs, fire) => startTimer(performance.now() + delayMs, fire),
};

function startTimer(dueMs: number, fire: () => void): Timer {
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const leftMs = dueMs - performance.now();
    handle =
      leftMs > LONGEST_TIMEOUT_MS
        ? setTimeout(arm, LONGEST_TIMEOUT_MS)
        : setTimeout(fire, Math.max(0, leftMs));
  };
  arm();
  return { cancel: () => clearTimeout(handle) };
}

export const systemRandom: Random = {
  next: () => randomInt(2 ** 48 - 1) / 2 ** 48,
  bytes: (length) => randomBytes(length),
};
