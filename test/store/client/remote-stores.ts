/** The stores that a client may find at the other end: an embedded one that is served, and Debian's etcd. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { connectStore } from "#store/etcd/client.ts";
import { serveStore } from "#store/server/server.ts";
import type { Store } from "#store/store.ts";
import { startEtcd } from "../../contract/store-etcd.ts";
import { isInstalled } from "../../contract/store-subjects.ts";

export const system = { clock: systemClock, random: systemRandom };

export interface RemoteStoreKind {
  readonly name: string;
  start(): Promise<StartedStore>;
}

export interface StartedStore {
  readonly port: number;
  /** For writing past the network that the test breaks. */
  readonly direct: Store;
  stop(): Promise<void>;
}

const embedded: RemoteStoreKind = {
  name: "embedded",
  start: async () => {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-store-"));
    const direct = await openEmbeddedStore({ ...system, directory });
    const server = await serveStore({ store: direct, host: "127.0.0.1", port: 0 });
    const stop = async (): Promise<void> => {
      await server.close();
      await direct.close();
      await rm(directory, { recursive: true });
    };
    return { port: server.address.port, direct, stop };
  },
};

const etcd: RemoteStoreKind = {
  name: "etcd",
  start: async () => {
    const process = await startEtcd();
    const direct = connectStore({ ...system, endpoints: [process.endpoint] });
    const stop = async (): Promise<void> => {
      await direct.close();
      await process.stop();
    };
    return { port: Number(new URL(process.endpoint).port), direct, stop };
  },
};

export const remoteStores: readonly RemoteStoreKind[] = [embedded, ...(isInstalled("etcd") ? [etcd] : [])];
