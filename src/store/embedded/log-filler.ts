/** Filling a new log with versions that were written elsewhere, under the revisions they have. */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { StoreIdentity } from "../local-store.ts";
import type { Change } from "../mvcc/change.ts";
import { recordBytes } from "../mvcc/record.ts";
import { MvccState } from "../mvcc/state.ts";
import type { KeyValue } from "../store.ts";
import { DiskLog } from "./disk-log.ts";
import { DamagedContent } from "./log-format.ts";

/** What has come to this is written. */
const PIECE_BYTES = 1 << 20;

export interface LogFillerOptions {
  /** Empty. */
  readonly directory: string;
  readonly identity: StoreIdentity;
  /** What makes the leases, records and compaction. */
  readonly changes: readonly Change[];
  readonly clock: Clock;
  readonly random: Random;
}

export class LogFiller {
  readonly #state: MvccState;
  readonly #log: DiskLog;
  #pendingBytes = 0;

  private constructor(state: MvccState, log: DiskLog) {
    this.#state = state;
    this.#log = log;
  }

  static async begin({ changes, ...options }: LogFillerOptions): Promise<LogFiller> {
    const state = new MvccState();
    for (const change of changes) state.repeat(change);
    state.take();
    state.settle();
    return new LogFiller(state, await DiskLog.create({ ...options, state }));
  }

  /**
   * Takes in a version; version 0 is a deletion.
   * @throws DamagedContent when its revision is before that of the one before.
   */
  async add({ key, value, createRevision, modRevision, version, lease }: KeyValue): Promise<void> {
    if (modRevision < this.#state.revision) {
      throw new DamagedContent(`revision ${modRevision} comes after ${this.#state.revision}`);
    }
    // Between two revisions only: files must not share one.
    if (modRevision > this.#state.revision && this.#pendingBytes >= PIECE_BYTES) await this.#flush(0);
    const head = {
      modRevision: Number(modRevision),
      createRevision: Number(createRevision),
      version: Number(version),
      lease,
    };
    this.#state.restore(head, key, value);
    this.#pendingBytes += recordBytes(key, value);
  }

  /** Writes the rest. @param revision of the store, where it is later than that of the last version. */
  async end(revision: number): Promise<void> {
    await this.#flush(revision);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }

  async #flush(revision: number): Promise<void> {
    const group = this.#state.take();
    await this.#log.append({ ...group, revision: Math.max(group.revision, revision) });
    this.#state.settle();
    this.#pendingBytes = 0;
    await this.#log.prepare();
  }
}
