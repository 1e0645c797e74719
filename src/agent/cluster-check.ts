/** A machine belongs to exactly one cluster: before it takes anything from a store it checks whose store that is. */

import { backoffDelayMs } from "#base/backoff.ts";
import { type Clock, sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { keys } from "#model/keys.ts";
import { clusterInfoSchema } from "#model/records.ts";
import { toBytes, toText } from "#store/keys.ts";
import type { Store } from "#store/store.ts";

export interface ClusterCheck {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The cluster this machine belonged to before, if any. */
  readonly known: string | undefined;
  /** Makes a new cluster of a store that has none; absent: only others may do so. */
  readonly found?: (() => Promise<void>) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Waits until the store answers and returns the ID of its cluster. Why it does not is told when that changes.
 * @throws FlotillaError `conflict` when this machine belongs to another cluster.
 */
export async function confirmCluster(check: ClusterCheck): Promise<string> {
  let told = "";
  const tell = (why: string): void => {
    if (why !== told) check.log.warn({ error: why }, "the store does not answer yet");
    told = why;
  };
  for (let failures = 1; ; failures += 1) {
    const id = await tryCluster(check, tell);
    if (id !== undefined && check.known !== undefined && id !== check.known)
      throw foreignStore(check.known, id);
    if (id !== undefined) return id;
    await sleep(
      check.clock,
      backoffDelayMs(failures, check.random, { firstMs: 50, maxMs: 1_000 }),
      check.signal,
    );
  }
}

/** Undefined while the store does not answer, or is of no cluster and must not become one. */
async function tryCluster(check: ClusterCheck, tell: (why: string) => void): Promise<string | undefined> {
  const { known, found, log } = check;
  try {
    const id = await readClusterId(check);
    if (id !== undefined) return id;
    // Who has a cluster looks for that one: an empty store is not it, whatever has become of it.
    if (known === undefined && found !== undefined) {
      await found();
      return await readClusterId(check);
    }
    log.warn({ cluster: known }, "the store answers and is of no cluster; waiting for this machine's own");
    return undefined;
  } catch (error) {
    tell(String(error));
    return undefined;
  }
}

async function readClusterId({ store, signal }: ClusterCheck): Promise<string | undefined> {
  const { kvs } = await store.range({ key: toBytes(keys.cluster()) }, { signal });
  const value = kvs[0]?.value;
  return value === undefined ? undefined : clusterInfoSchema.parse(JSON.parse(toText(value))).id;
}

function foreignStore(known: string, found: string): FlotillaError {
  return new FlotillaError(
    "conflict",
    `this machine belongs to cluster ${known}, the store is of cluster ${found}`,
    {
      hint: "point the daemon at its own cluster's store, or empty its directory to let the machine join the other one",
    },
  );
}
