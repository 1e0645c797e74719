/**
 * This machine's own store: etcd's semantics in memory, a log on the disk.
 *
 * Everything is read into memory on opening; afterwards the files are only written. All writes that come while the disk
 * is busy share its next sync, and nobody hears of them before it.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { syncDirectory } from "#host/files.ts";
import type { LocalStore, StoreIdentity } from "../local-store.ts";
import { DEFAULT_QUOTA_BYTES } from "../mvcc/alarms.ts";
import { MvccStore, newIdentity } from "../mvcc/mvcc-store.ts";
import type { RetentionLimits } from "../mvcc/retention.ts";
import { MvccState } from "../mvcc/state.ts";
import { damaged, foreign } from "./damage.ts";
import { describeError, markFormat, openDirectory, type StoreDirectory } from "./directory.ts";
import { DiskLog } from "./disk-log.ts";
import { migrateFormat1 } from "./format-1.ts";
import { readLog } from "./read-log.ts";
import { LoopTurns } from "./turns.ts";

export interface EmbeddedStoreOptions {
  /** Where the store's files are, or shall be created. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How much of the past is kept; the default is etcd's opposite: not for ever. */
  readonly retention?: RetentionLimits;
  /** The size of the files from which on nothing is taken any more; 0 for none. The default is etcd's, 2 GiB. */
  readonly quotaBytes?: number;
  /** About how long a file of the log gets; tests make them short. */
  readonly fileBytes?: number;
  /** The cluster whose store it has to be; the default is whichever it is. */
  readonly clusterId?: bigint;
}

/**
 * @throws FlotillaError `store-corrupt`, `store-too-new`, `store-foreign`, `state-dir-in-use`, `disk-full` or
 *   `not-permitted`.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<LocalStore> {
  const { clock, random, retention, quotaBytes = DEFAULT_QUOTA_BYTES } = options;
  const directory = await openDirectory(options.directory);
  const turns = new LoopTurns(clock);
  try {
    const { log, state, identity } = await openLog(directory, options, turns);
    return new MvccStore({
      clock,
      random,
      state,
      identity,
      journal: log,
      // The check phase comes after all that this turn has read from the network.
      gather: () => turns.next(),
      turns,
      quotaBytes,
      ...(retention === undefined ? {} : { retention }),
    });
  } catch (error) {
    directory.lock.close();
    throw describeError(error, options.directory);
  }
}

interface OpenedLog {
  readonly log: DiskLog;
  readonly state: MvccState;
  readonly identity: StoreIdentity;
}

async function openLog(
  directory: StoreDirectory,
  { clock, random, clusterId, fileBytes }: EmbeddedStoreOptions,
  turns: LoopTurns,
): Promise<OpenedLog> {
  const { logPath, lockPath, format, lock } = directory;
  if (format === 0 && !existsSync(logPath)) await createLog(logPath, clusterId, { clock, random });
  if (format === 1) await migrateFormat1(directory, { clock, random });
  if (!existsSync(logPath)) throw damaged(lockPath, `its log ${logPath} is missing`);
  const read = await readLog(logPath, turns);
  const { state, identity } = read;
  if (clusterId !== undefined && identity.clusterId !== clusterId) {
    throw foreign(
      logPath,
      `its cluster is ${identity.clusterId.toString(16)}, not ${clusterId.toString(16)}`,
    );
  }
  markFormat(directory);
  const closed = (): void => lock.close();
  const length = fileBytes === undefined ? {} : { fileBytes };
  const options = { directory: logPath, identity, state, clock, random, turns, closed, ...length };
  return { log: await DiskLog.open(options, read), state, identity };
}

/** Makes an empty log, which is there under its own name when it is whole. */
async function createLog(
  path: string,
  clusterId: bigint | undefined,
  { clock, random }: Pick<EmbeddedStoreOptions, "clock" | "random">,
): Promise<void> {
  const fresh = newIdentity(random);
  const identity = { ...fresh, clusterId: clusterId ?? fresh.clusterId };
  const directory = `${path}.new`;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { mode: 0o700 });
  const log = await DiskLog.create({ directory, identity, state: new MvccState(), clock, random });
  await log.close();
  await rename(directory, path);
  await syncDirectory(dirname(path));
}
