/** Backups that the daemon makes by itself: so often, to a directory, of which the last few are kept. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { makeDirectories } from "#host/files.ts";
import { receiveSealedFile } from "#host/sealed-file.ts";
import type { BackupConfig } from "./config.ts";

/** A backup that failed is tried again sooner than the next one would be. */
const RETRY_MS = 60_000;
const NAME = /^flotilla-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z\.db$/;

export interface ScheduledBackups {
  readonly config: BackupConfig;
  /** The store as a snapshot. */
  readonly backup: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Begins at once where the last backup is too old. Returns how to stop; a backup under way is given up. */
export function startBackups(backups: ScheduledBackups): () => Promise<void> {
  const stop = new AbortController();
  const running = run(backups, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) backups.log.error({ error: String(error) }, "backups have ended");
  });
  return () => {
    stop.abort();
    return running;
  };
}

async function run(backups: ScheduledBackups, signal: AbortSignal): Promise<void> {
  const { config, clock, log } = backups;
  for (;;) {
    const names = await existing(config.directory);
    const dueMs = (timeOf(names.at(-1)) ?? Number.NEGATIVE_INFINITY) + config.everyMs;
    if (dueMs > clock.now()) await sleep(clock, dueMs - clock.now(), signal);
    try {
      await makeOne(backups, signal);
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ error: String(error), directory: config.directory }, "the store could not be backed up");
      await sleep(clock, Math.min(RETRY_MS, config.everyMs), signal);
    }
  }
}

async function makeOne({ config, backup, clock, log }: ScheduledBackups, signal: AbortSignal): Promise<void> {
  await makeDirectories(config.directory);
  const file = join(config.directory, nameAt(clock.now()));
  const bytes = await receiveSealedFile(file, backup(signal));
  log.info({ file, bytes }, "the store is backed up");
  const names = await existing(config.directory);
  for (const name of names.slice(0, -config.keep)) await rm(join(config.directory, name), { force: true });
}

/** Names of backups, oldest first; whatever else lies there is none of ours. */
async function existing(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => NAME.test(name)).sort();
}

/** `flotilla-2026-11-23T10-00-00Z.db`, in UTC, so that names sort by time. */
export function nameAt(timeMs: number): string {
  return `flotilla-${new Date(timeMs).toISOString().slice(0, 19).replaceAll(":", "-")}Z.db`;
}

function timeOf(name: string | undefined): number | undefined {
  const [, date, hours, minutes, seconds] = NAME.exec(name ?? "") ?? [];
  return date === undefined ? undefined : Date.parse(`${date}T${hours}:${minutes}:${seconds}Z`);
}
