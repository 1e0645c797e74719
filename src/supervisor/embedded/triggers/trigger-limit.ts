/** How often a unit may trigger another: `burst` times in any window that begins with a trigger (systemd's ratelimit). Pure. */

export interface TriggerLimit {
  readonly intervalMs: number;
  readonly burst: number;
}

/** The window that is open: when it began and how many triggers it has seen. */
export interface TriggerWindow {
  readonly beganMs: number;
  readonly count: number;
}

/** The window after one more trigger, or undefined when that one is too many. A limit of 0 on either side is none. */
export function countTrigger(
  { intervalMs, burst }: TriggerLimit,
  window: TriggerWindow | undefined,
  nowMs: number,
): TriggerWindow | undefined {
  const isOver =
    window === undefined || intervalMs === 0 || burst === 0 || nowMs - window.beganMs > intervalMs;
  if (isOver) return { beganMs: nowMs, count: 1 };
  return window.count < burst ? { ...window, count: window.count + 1 } : undefined;
}
