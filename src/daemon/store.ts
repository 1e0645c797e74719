/** Opens the store that the daemon is configured for, and serves it to others where it is this machine's own. */
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { type Random, randomId } from "#base/random.ts";
import { keys } from "#model/keys.ts";
import type { ClusterInfo } from "#model/records.ts";
import { ifMissing, putJson } from "#store/ops.ts";
import type { Store } from "#store/store.ts";
import type { DaemonConfig } from "./config.ts";

export interface OpenStore {
  readonly store: Store;
  /** `http://HOST:PORT` of the store for etcd clients. */
  readonly endpoints: readonly string[];
  close(): Promise<void>;
}

interface Means {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Implementations are loaded when they are chosen, so that a daemon carries only the one it uses.
 * @throws FlotillaError when the embedded store cannot be opened; a remote one that is away is no error.
 */
export async function openStore(config: DaemonConfig, means: Means): Promise<OpenStore> {
  const { clock, random } = means;
  if (config.store.kind === "remote") {
    const { connectStore } = await import("#store/etcd/client.ts");
    const store = connectStore({ endpoints: config.store.endpoints, clock, random });
    return { store, endpoints: config.store.endpoints, close: () => store.close() };
  }
  return openEmbedded(config, config.store.listen, means);
}

async function openEmbedded(
  config: DaemonConfig,
  listen: { readonly host: string; readonly port: number },
  { clock, random }: Means,
): Promise<OpenStore> {
  const { openEmbeddedStore } = await import("#store/embedded/embedded-store.ts");
  const { serveStore } = await import("#store/server/server.ts");
  const store = await openEmbeddedStore({ directory: join(config.directory, "store"), clock, random });
  try {
    await nameCluster(store, config.clusterName, { clock, random });
    const served = await serveStore({ store, host: listen.host, port: listen.port });
    return {
      store,
      endpoints: [`http://${served.address.host}:${served.address.port}`],
      close: async () => {
        await served.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A store that is opened for the first time becomes the store of a new cluster. */
async function nameCluster(
  store: Store,
  name: string,
  { clock, random }: Pick<Means, "clock" | "random">,
): Promise<void> {
  const info: ClusterInfo = { id: randomId(random), name, createdMs: clock.now() };
  await store.txn({
    compare: [ifMissing(keys.cluster())],
    success: [putJson(keys.cluster(), info)],
    failure: [],
  });
}
