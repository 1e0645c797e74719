/** Waits on a cluster under load, until its store is as asked. */
import type { StoreStatus } from "#model/store-status.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { rowsOf } from "../../cluster/units.ts";

/** Asks until it holds; every answer takes the store some time. */
export async function untilStatus(
  cluster: Cluster,
  holds: (status: StoreStatus) => boolean,
  through = "m1",
): Promise<StoreStatus> {
  for (;;) {
    const found = await cluster
      .client(through)
      .store()
      .catch(() => undefined);
    if (found !== undefined && holds(found)) return found;
  }
}

/** Resolves when so many more writes have been acknowledged. */
export async function moreWrites(cluster: Cluster, count: number): Promise<void> {
  const client = cluster.client("m2");
  const { revision } = await client.kv({ prefix: "load/", limit: 1 });
  let seen = 0;
  for await (const change of client.watchKv({ prefix: "load/", after: revision })) {
    if ("type" in change) seen += 1;
    if (seen >= count) return;
  }
}

/** Process ID of the machine's member. */
export async function etcdPid(cluster: Cluster, machine: string): Promise<number> {
  const [row] = await rowsOf(cluster, [`flotilla-etcd@${machine}.service`], "m2");
  if (row?.mainPid == null) throw new Error(`${machine} has no member that runs`);
  return row.mainPid;
}
