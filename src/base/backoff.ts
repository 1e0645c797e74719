/** How long to wait before the next try of something that failed: exponential, capped, with full jitter. */
import type { Random } from "./random.ts";

export interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

const DEFAULT_LIMITS: BackoffLimits = { firstMs: 100, maxMs: 5_000 };

/**
 * Delay in milliseconds before the try after `failures` failures in a row (1 or more).
 * Jitter takes the upper half of the range, so that a delay is never near zero while callers still spread out.
 */
export function backoffDelayMs(
  failures: number,
  random: Random,
  limits: BackoffLimits = DEFAULT_LIMITS,
): number {
  const ceilingMs = Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(failures - 1, 30));
  return ceilingMs / 2 + (random.next() * ceilingMs) / 2;
}
