/**
 * Unit files for the agent's passes: read from this machine's disk, and fetched from the store in the background
 * where they are not there yet. A pass never waits for the store, because it may have a strict unit to stop.
 */
import { type Clock, sleep } from "#base/clock.ts";
import { toFlotillaError } from "#base/errors.ts";
import type { Store } from "#store/store.ts";
import { type FileCache, readUnitFile } from "./unit-files.ts";

const RETRY_MS = 1_000;

export interface FileFetcherOptions {
  readonly cache: FileCache;
  readonly store: Store;
  readonly clock: Clock;
  /** Told whenever a file has come, cannot be had, or is worth asking for again. */
  readonly onChange: () => void;
  readonly signal: AbortSignal;
}

export class FileFetcher {
  readonly #options: FileFetcherOptions;
  readonly #underWay = new Set<string>();
  readonly #troubles = new Map<string, string>();

  constructor(options: FileFetcherOptions) {
    this.#options = options;
  }

  /** The text, if it is on the disk; otherwise it is on its way. */
  async read(hash: string): Promise<string | undefined> {
    const text = await this.#options.cache.read(hash);
    if (text === undefined && !this.#underWay.has(hash)) void this.#fetch(hash);
    return text;
  }

  /** Why the file could not be had when that was last tried. */
  troubleOf(hash: string): string | undefined {
    return this.#troubles.get(hash);
  }

  async #fetch(hash: string): Promise<void> {
    const { cache, store, clock, onChange, signal } = this.#options;
    this.#underWay.add(hash);
    try {
      await readUnitFile(cache, store, hash);
      this.#troubles.delete(hash);
    } catch (error) {
      this.#troubles.set(hash, toFlotillaError(error).message);
      onChange();
      await sleep(clock, RETRY_MS, signal).catch(() => undefined);
    }
    this.#underWay.delete(hash);
    onChange();
  }
}
