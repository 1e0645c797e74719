/** Passing virtual time, so that everything asynchronous that a moment causes has happened before the next one. */
import type { VirtualClock } from "#base/virtual-clock.ts";

/** No timer is allowed to fire so often without time passing. */
const MOMENT_TIMERS_MAX = 20_000;

/** Resolves when every promise that can be settled now is: they have all run when a macrotask comes. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Fires timer after timer for `durationMs` of virtual time; `settled` is called behind each. */
export async function passTime(
  clock: VirtualClock,
  durationMs: number,
  settled: () => void = () => undefined,
): Promise<void> {
  const untilMs = clock.monotonic() + durationMs;
  let timers = 0;
  let momentMs = clock.monotonic();
  await settle();
  settled();
  while (clock.fireNext(untilMs)) {
    await settle();
    settled();
    timers = clock.monotonic() === momentMs ? timers + 1 : 0;
    momentMs = clock.monotonic();
    if (timers > MOMENT_TIMERS_MAX) throw new Error(`time stands still at ${momentMs} ms`);
  }
  clock.skipTo(untilMs);
}
