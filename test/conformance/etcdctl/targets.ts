/** The two that are compared: the embedded store, served, and Debian's etcd. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { serveStore } from "#store/server/server.ts";
import { startEtcd } from "../../contract/store-etcd.ts";

export interface Target {
  /** `host:port` */
  readonly endpoint: string;
  stop(): Promise<void>;
}

export async function startEmbedded(): Promise<Target> {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-store-"));
  const store = await openEmbeddedStore({ directory, clock: systemClock, random: systemRandom });
  const server = await serveStore({ store, host: "127.0.0.1", port: 0 });
  const stop = async (): Promise<void> => {
    await server.close();
    await store.close();
    await rm(directory, { recursive: true });
  };
  return { endpoint: `127.0.0.1:${server.address.port}`, stop };
}

export async function startReal(): Promise<Target> {
  // The lowest cost: what hashing a password takes is not what is compared.
  const etcd = await startEtcd({ args: ["--bcrypt-cost", "4"] });
  return { endpoint: etcd.endpoint.replace("http://", ""), stop: () => etcd.stop() };
}
