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
  readonly signal: AbortSignal;
}

/**
 * Waits until the store answers and returns the ID of its cluster.
 * @throws FlotillaError `conflict` when this machine belongs to another cluster.
 */
export async function confirmCluster(check: ClusterCheck): Promise<string> {
  for (let failures = 1; ; failures += 1) {
    const id = await readClusterId(check);
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

async function readClusterId(check: ClusterCheck): Promise<string | undefined> {
  try {
    const { kvs } = await check.store.range({ key: toBytes(keys.cluster()) }, { signal: check.signal });
    const value = kvs[0]?.value;
    return value === undefined ? undefined : clusterInfoSchema.parse(JSON.parse(toText(value))).id;
  } catch (error) {
    check.log.warn({ error: String(error) }, "the store does not answer yet");
    return undefined;
  }
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
