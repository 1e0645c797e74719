/**
 * This machine's own store: etcd's semantics in memory, SQLite on the disk.
 *
 * Everything is read into memory on opening; afterwards the file is only written. All writes of one turn of the
 * event loop share one sync of the disk, and nobody hears of them before it.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { LocalStore } from "../local-store.ts";
import { MvccStore } from "../mvcc/mvcc-store.ts";
import type { RetentionLimits } from "../mvcc/retention.ts";
import { openDatabase } from "./database.ts";
import { loadIdentity, loadState, SqliteJournal } from "./journal.ts";

export interface EmbeddedStoreOptions {
  /** Where the store's file is, or shall be created. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly retention?: RetentionLimits;
}

/** @throws FlotillaError `store-corrupt`, `store-too-new`, `state-dir-in-use`, `disk-full` or `not-permitted`. */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<LocalStore> {
  const { clock, random, retention } = options;
  const { database, path } = await openDatabase(options.directory);
  try {
    return new MvccStore({
      clock,
      random,
      state: loadState(database, path),
      identity: loadIdentity(database, random),
      journal: new SqliteJournal(database, path),
      // The check phase comes after all that this turn has read from the network.
      schedule: (flush) => void setImmediate(flush),
      ...(retention === undefined ? {} : { retention }),
    });
  } catch (error) {
    database.close();
    throw error;
  }
}
