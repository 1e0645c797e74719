/** When persistent timers last elapsed, kept over reboots: one small file each. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class TimerStamps {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Wall-clock milliseconds; undefined when it never has. */
  read(timer: string): number | undefined {
    try {
      const stampMs = Number(readFileSync(join(this.#directory, timer), "utf8"));
      return Number.isFinite(stampMs) ? stampMs : undefined;
    } catch {
      return undefined;
    }
  }

  write(timer: string, triggeredMs: number): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.#directory, timer), String(triggeredMs), { mode: 0o600 });
  }
}
