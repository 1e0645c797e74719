/** Asks every few milliseconds whether each unit has a process that lives, on whichever machine. */
import type { FlotillaClient } from "#client/client.ts";

const EVERY_MS = 10;

export class LifeProbe {
  readonly #pids = new Map<string, Set<number>>();
  readonly #downSinceMs = new Map<string, number>();
  readonly #longestMs = new Map<string, number>();
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** How often it has asked. */
  rounds = 0;

  /** @param client of a machine that stays */
  constructor(client: FlotillaClient, units: readonly string[]) {
    for (const unit of units) this.#pids.set(unit, new Set());
    void this.#follow(client, units);
    this.#timer = setInterval(() => this.#ask(), EVERY_MS);
  }

  /** The longest time that each unit was without a process, in milliseconds; 0 where it always had one. */
  end(): ReadonlyMap<string, number> {
    clearInterval(this.#timer);
    this.#ended.abort();
    this.#ask();
    return this.#longestMs;
  }

  async #follow(client: FlotillaClient, units: readonly string[]): Promise<void> {
    const parts = Array.from({ length: Math.ceil(units.length / 50) }, (_, part) =>
      units.slice(part * 50, (part + 1) * 50),
    );
    await Promise.all(
      parts.map(async (part) => {
        for await (const { units: rows } of client.watchUnits(part, this.#ended.signal))
          for (const { unit, mainPid } of rows) if (mainPid !== null) this.#pids.get(unit)?.add(mainPid);
      }),
    );
  }

  #ask(): void {
    this.rounds += 1;
    const nowMs = performance.now();
    for (const [unit, pids] of this.#pids) {
      if (pids.size === 0) continue;
      if ([...pids].some(isAlive)) {
        this.#downSinceMs.delete(unit);
        this.#longestMs.set(unit, this.#longestMs.get(unit) ?? 0);
        continue;
      }
      const sinceMs = this.#downSinceMs.get(unit) ?? nowMs;
      this.#downSinceMs.set(unit, sinceMs);
      this.#longestMs.set(unit, Math.max(this.#longestMs.get(unit) ?? 0, nowMs - sinceMs + EVERY_MS));
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
