/** What happened in a simulated cluster, line by line with its virtual time; two runs of one seed have the same hash. */
import { createHash } from "node:crypto";
import type { LogFields, Logger } from "#base/log.ts";
import type { VirtualClock } from "#base/virtual-clock.ts";
import type { ProcessClock } from "./process-clock.ts";

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

  /** What a daemon logs, as long as it lives. */
  logger(who: string, process: ProcessClock): Logger {
    const write = (fields: LogFields, message: string): void => {
      if (!process.ended) this.note(who, `${message} ${JSON.stringify(fields)}`);
    };
    return { debug: () => undefined, info: write, warn: write, error: write };
  }

  /** Hash of everything noted so far. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
