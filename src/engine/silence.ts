/**
 * Which machines have fallen silent: they still count as present, but their leases were not renewed when they should
 * have been. A machine renews its lease when a third of it has passed, so one with less than half left is late.
 */
import { keys, parseKey } from "#model/keys.ts";
import { prefixRange, toText } from "#store/keys.ts";
import type { KeyValue, Store } from "#store/store.ts";

/** IDs of the machines that are late. Asks the store for every machine's lease, so ask only when one was lost. */
export async function findSilentMachines(store: Store): Promise<ReadonlySet<string>> {
  const { kvs } = await store.range({ ...prefixRange(keys.machine("")), keysOnly: true });
  const late = await Promise.all(kvs.map((kv) => isLate(kv, store)));
  const silent = kvs.filter((_, index) => late[index]);
  return new Set(silent.flatMap((kv) => parseKey(toText(kv.key))?.first ?? []));
}

/** The store tells whole seconds, rounded down; a lease that is gone has -1. */
async function isLate({ lease }: KeyValue, store: Store): Promise<boolean> {
  const { ttlS, grantedTtlS } = await store.leaseTimeToLive(lease, false);
  return ttlS < grantedTtlS / 2;
}
