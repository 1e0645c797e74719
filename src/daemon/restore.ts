/**
 * A backup as the embedded store of a machine whose daemon is stopped.
 *
 * Whatever the store was when it was backed up, it is an embedded one afterwards: of a cluster that has lost its etcd
 * this machine's directory is all that is needed. What belonged to the etcd (where it is, the units of its members) is
 * left out, so that what is left of it is stopped rather than started. Nothing that was there is deleted.
 */
import { existsSync } from "node:fs";
import { readdir, readFile, readlink, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { makeDirectories } from "#host/files.ts";
import { isStoreKey } from "#model/keys.ts";
import { restoreStore } from "#store/embedded/restore.ts";
import { toText } from "#store/keys.ts";
import type { SnapshotItem } from "#store/local-store.ts";
import { newIdentity } from "#store/mvcc/mvcc-store.ts";
import { readEtcdSnapshot } from "#store/snapshot/etcd-snapshot.ts";
import { lockDirectory } from "./lock.ts";

export interface Restoration {
  readonly file: string;
  /** The daemon's. */
  readonly directory: string;
  /** Also where there is a store. */
  readonly force: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Restored {
  readonly keys: number;
  readonly revision: bigint;
  /** Where what was there has been put. */
  readonly aside: readonly string[];
}

/** @throws FlotillaError `state-dir-in-use`, `conflict`, `not-found`, `store-corrupt`; nothing is changed then. */
export async function restoreDirectory(restoration: Restoration): Promise<Restored> {
  const { file, directory, force, clock, random } = restoration;
  if (!existsSync(file)) throw new FlotillaError("not-found", `there is no file ${file}`);
  await makeDirectories(directory);
  const lock = await lockDirectory(directory);
  try {
    await checkMember(directory);
    const present = ["store", "store.json"].filter((name) => existsSync(join(directory, name)));
    if (present.length > 0 && !force) throw thereIsOne(directory);
    const fresh = join(directory, "store.restored");
    const count = { keys: 0, revision: 0n };
    // Another identity than before: whoever followed the old store must read everything anew.
    const identity = newIdentity(random);
    await restoreStore({
      directory: fresh,
      snapshot: chosen(readEtcdSnapshot(file), count),
      identity,
      clock,
      random,
    });
    const aside = await setAside(directory, present, clock.now());
    await rename(fresh, join(directory, "store"));
    return { ...count, aside };
  } finally {
    lock.release();
  }
}

/** The snapshot without what belonged to an etcd, counted on the way. */
async function* chosen(
  snapshot: AsyncIterable<readonly SnapshotItem[]>,
  count: { keys: number; revision: bigint },
): AsyncGenerator<readonly SnapshotItem[], void> {
  for await (const piece of snapshot) {
    const kept = piece.filter((item) => item.kind !== "key" || !isStoreKey(toText(item.kv.key)));
    for (const item of kept) {
      if (item.kind === "head") count.revision = item.revision;
      if (item.kind === "key") count.keys += 1;
    }
    yield kept;
  }
}

async function setAside(
  directory: string,
  names: readonly string[],
  nowMs: number,
): Promise<readonly string[]> {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(":", "-");
  const moved: string[] = [];
  for (const name of names) {
    const path = join(directory, `${name}.until-${stamp}`);
    await rename(join(directory, name), path);
    moved.push(path);
  }
  return moved;
}

/** A member that runs on would hold the address that the embedded store needs, and what it knows is to be given up. */
async function checkMember(directory: string): Promise<void> {
  const mark = `--data-dir=${join(directory, "etcd")}/`;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!line.includes(mark)) continue;
    const program = await readlink(`/proc/${pid}/exe`).catch(() => "etcd");
    throw new FlotillaError(
      "conflict",
      `this machine's member of the old etcd still runs (${program}, pid ${pid})`,
      {
        hint: `end it first: kill ${pid}`,
      },
    );
  }
}

function thereIsOne(directory: string): FlotillaError {
  return new FlotillaError("conflict", `there is a store in ${directory} already`, {
    hint: "--force puts it aside and takes the backup instead",
  });
}
