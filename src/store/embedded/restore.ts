/** Making a store from a snapshot, of this store or of another one. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { syncDirectory } from "#host/files.ts";
import type { SnapshotItem, StoreIdentity } from "../local-store.ts";
import type { Change } from "../mvcc/change.ts";
import type { KeyValue } from "../store.ts";
import { damaged } from "./damage.ts";
import { describeError } from "./directory.ts";
import { LogFiller } from "./log-filler.ts";
import { DamagedContent } from "./log-format.ts";

export interface RestoreOptions {
  /** Of the store; there must be none in it. */
  readonly directory: string;
  /** Begins with the head; leases and records come before the first key, keys ascend by modRevision. */
  readonly snapshot: AsyncIterable<readonly SnapshotItem[]>;
  /** The new store's; by default the snapshot's, so that clients take it for the same store. */
  readonly identity?: StoreIdentity;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Makes the store in `directory`, whole or not at all. It continues at the snapshot's revision and has no past before it:
 * whoever followed the old store from an earlier revision is told that it has been compacted, and lists again.
 * @throws FlotillaError `conflict` when there is a store already, `store-corrupt` when the snapshot is not in order,
 *   `disk-full` or `not-permitted`.
 */
export async function restoreStore(options: RestoreOptions): Promise<void> {
  const { directory } = options;
  const logPath = join(directory, "log");
  if (existsSync(logPath) || existsSync(join(directory, "store.db"))) {
    throw new FlotillaError("conflict", `there is a store in ${directory} already`, {
      hint: "move it away first, it is not replaced",
    });
  }
  const unfinished = `${logPath}.new`;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { mode: 0o700 });
    await fill(unfinished, options);
    await rename(unfinished, logPath);
    await syncDirectory(directory);
    await syncDirectory(dirname(directory));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (error instanceof DamagedContent) throw damaged("the snapshot", error.message, error);
    throw describeError(error, directory);
  }
}

async function fill(directory: string, { snapshot, identity, clock, random }: RestoreOptions): Promise<void> {
  const pending = { changes: [] as Change[], revision: 0, identity };
  let filler: LogFiller | undefined;
  const begin = (): Promise<LogFiller> => {
    if (pending.identity === undefined) throw new DamagedContent("the snapshot has no head");
    const compact: Change = { kind: "compact", revision: pending.revision };
    const changes = [compact, ...pending.changes];
    return LogFiller.begin({ directory, identity: pending.identity, changes, clock, random });
  };
  try {
    for await (const piece of snapshot) {
      for (const item of piece) {
        if (item.kind === "key") {
          filler ??= await begin();
          await addKey(filler, item.kv, pending.revision);
        } else if (item.kind === "head") {
          pending.identity ??= item.identity;
          pending.revision = Number(item.revision);
        } else {
          pending.changes.push(toChange(item));
        }
      }
    }
    filler ??= await begin();
    await filler.end(pending.revision);
  } finally {
    await filler?.close();
  }
}

async function addKey(filler: LogFiller, kv: KeyValue, revision: number): Promise<void> {
  if (kv.modRevision > BigInt(revision)) throw new DamagedContent(`a key is later than revision ${revision}`);
  await filler.add(kv);
}

function toChange(item: Extract<SnapshotItem, { kind: "lease" | "record" }>): Change {
  if (item.kind === "lease") return { kind: "lease-grant", id: item.id, ttlS: item.ttlS };
  const { bucket, name, value } = item;
  return { kind: "record", bucket, name, value: new Uint8Array(value) };
}
