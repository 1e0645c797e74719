/** The store of a new cluster is told who it is: the cluster's name, and the authorities of one that checks its machines. */
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomId } from "#base/random.ts";
import { keys } from "#model/keys.ts";
import { type ClusterInfo, clusterInfoSchema } from "#model/records.ts";
import { trustRecordSchema } from "#model/trust-records.ts";
import { toBytes, toText } from "#store/keys.ts";
import { ifMissing, putJson } from "#store/ops.ts";
import type { Store } from "#store/store.ts";
import { removeAuthorities, type Trust } from "#trust/trust-directory.ts";
import type { DaemonConfig } from "./config.ts";

interface Means {
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * A store that is opened for the first time becomes the store of a new cluster.
 * @throws FlotillaError `conflict` when the store is of another cluster than the machine
 */
export async function foundCluster(store: Store, config: DaemonConfig, means: Means): Promise<void> {
  const { trust, clusterName: name } = config;
  const id = trust?.cluster.clusterId ?? randomId(means.random);
  const info: ClusterInfo = { id, name, createdMs: means.clock.now() };
  await store.txn({
    compare: [ifMissing(keys.cluster())],
    success: [putJson(keys.cluster(), info)],
    failure: [],
  });
  if (trust === undefined) return;
  await checkCluster(store, trust);
  await layDownAuthorities(store, trust);
}

async function checkCluster(store: Store, { cluster, directory }: Trust): Promise<void> {
  const [kv] = (await store.range({ key: toBytes(keys.cluster()) })).kvs;
  const found = kv === undefined ? undefined : clusterInfoSchema.parse(JSON.parse(toText(kv.value)));
  if (found === undefined || found.id === cluster.clusterId) return;
  throw new FlotillaError(
    "conflict",
    `the store here is of cluster ${found.id}, ${directory} is of cluster ${cluster.clusterId}`,
    { hint: "a directory of the daemon holds one cluster: move the store or the trust directory elsewhere" },
  );
}

/** From then on they are in the store only, for every machine to sign with. */
async function layDownAuthorities(store: Store, trust: Trust): Promise<void> {
  if (trust.authorities === undefined) return;
  const record = trustRecordSchema.parse(JSON.parse(trust.authorities));
  await store.txn({
    compare: [ifMissing(keys.trust())],
    success: [putJson(keys.trust(), record)],
    failure: [],
  });
  await removeAuthorities(trust);
}
