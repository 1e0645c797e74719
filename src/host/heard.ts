/** Which hosts have opened a connection to this one, and when: a host that has is there, and reached both ways. */
import type { Clock } from "#base/clock.ts";

export class Heard {
  readonly #clock: Pick<Clock, "monotonic">;
  /** Of those only that somebody has asked for: anybody may connect. */
  readonly #atMs = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** @param address of whoever has connected; undefined where that is gone already */
  note(address: string | undefined): void {
    if (address !== undefined && this.#atMs.has(address)) this.#atMs.set(address, this.#clock.monotonic());
  }

  /** Milliseconds since the host connected last; infinite where it has not since it was first asked for. */
  msAgo(address: string): number {
    const atMs = this.#atMs.get(address) ?? Number.NEGATIVE_INFINITY;
    this.#atMs.set(address, atMs);
    return this.#clock.monotonic() - atMs;
  }
}
