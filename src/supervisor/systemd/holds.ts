/** Until when units may run, and the end of those whose time has come. */
import type { Clock, Timer } from "#base/clock.ts";
import type { Hold } from "../supervisor.ts";

export class Holds {
  readonly #clock: Clock;
  readonly #expire: (unit: string) => void;
  readonly #held = new Map<string, { readonly hold: Hold; readonly timer: Timer }>();

  /** @param expire ends every process of the unit */
  constructor(clock: Clock, expire: (unit: string) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  set(unit: string, hold: Hold | undefined): void {
    this.#held.get(unit)?.timer.cancel();
    this.#held.delete(unit);
    if (hold === undefined) return;
    const leftMs = Math.max(0, hold.untilMs - this.#clock.boottime());
    this.#held.set(unit, { hold, timer: this.#clock.setTimer(leftMs, () => this.#expire(unit)) });
  }

  until(unit: string): number | undefined {
    return this.#held.get(unit)?.hold.untilMs;
  }

  hasPassed(unit: string): boolean {
    const until = this.until(unit);
    return until !== undefined && until <= this.#clock.boottime();
  }

  close(): void {
    for (const { timer } of this.#held.values()) timer.cancel();
  }
}
