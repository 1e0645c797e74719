/** What happened in a simulated cluster, line by line with its virtual time; two runs of one seed have the same hash. */
import { createHash } from "node:crypto";
import type { VirtualClock } from "#base/virtual-clock.ts";

export class Trace {
  readonly #clock: VirtualClock;
  readonly #hash = createHash("sha256");
  readonly lines: string[] = [];

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** @param who a machine's name, `store`, `operator` or `fault` */
  note(who: string, what: string): void {
    const seconds = (this.#clock.monotonic() / 1000).toFixed(6);
    const line = `${seconds.padStart(12)}  ${who.padEnd(9)} ${what}`;
    this.lines.push(line);
    this.#hash.update(`${line}\n`);
  }

  /** Hash of everything noted so far. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
