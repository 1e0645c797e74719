/** The embedded store as this machine holds it: open, served to others, and able to step back. */
import { rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { type Random, randomId } from "#base/random.ts";
import type { LeavingStore } from "#members/handover.ts";
import { keys } from "#model/keys.ts";
import type { ClusterInfo } from "#model/records.ts";
import { toBytes } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import { ifMissing, putJson } from "#store/ops.ts";
import type { StoreServer } from "#store/server/server.ts";
import type { Store } from "#store/store.ts";
import type { DaemonConfig, ListenAddress } from "./config.ts";
import { type GatedStore, gateStore } from "./gated-store.ts";

interface Means {
  readonly clock: Clock;
  readonly random: Random;
}

export class EmbeddedHolding {
  readonly store: GatedStore;
  /** The same without the gate. */
  readonly #ungated: Store;
  #listen: ListenAddress;
  #server: StoreServer | undefined;

  private constructor(ungated: LocalStore, listen: ListenAddress) {
    this.#ungated = ungated;
    this.store = gateStore(ungated);
    this.#listen = listen;
  }

  /** @throws FlotillaError when the store cannot be opened or its port cannot be had. */
  static async open(config: DaemonConfig, listen: ListenAddress, means: Means): Promise<EmbeddedHolding> {
    const { openEmbeddedStore } = await import("#store/embedded/embedded-store.ts");
    const directory = join(config.directory, "store");
    const holding = new EmbeddedHolding(await openEmbeddedStore({ directory, ...means }), listen);
    try {
      await nameCluster(holding.store, config.clusterName, means);
      await holding.serve();
      return holding;
    } catch (error) {
      await holding.store.close();
      throw error;
    }
  }

  /** `http://HOST:PORT` for etcd clients. */
  get url(): string {
    const { host, port } = this.#server?.address ?? this.#listen;
    return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  /** The store as one that may give way to another. */
  get leaving(): LeavingStore {
    const { store, url } = this;
    return {
      store,
      url,
      shut: () => store.shut(),
      open: () => store.open(),
      snapshot: (path) => this.#snapshot(path),
      serve: () => this.serve(),
      unserve: () => this.unserve(),
    };
  }

  /** Lets others reach it, on the same port as before. */
  async serve(): Promise<void> {
    if (this.#server !== undefined) return;
    const { serveStore } = await import("#store/server/server.ts");
    this.#server = await serveStore({ store: this.store, ...this.#listen });
    // Whatever port it was, it is the one that others know from now on.
    this.#listen = this.#server.address;
  }

  /** Gives up its port and cuts every connection; the store stays open. */
  async unserve(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  /** Tells everybody who asks this store where the store is now. @param record a StoreRecord as JSON */
  async announce(record: string): Promise<void> {
    await this.#ungated.put({ key: toBytes(keys.store()), value: toBytes(record) });
  }

  async #snapshot(path: string): Promise<void> {
    const { writeEtcdSnapshot } = await import("#store/snapshot/etcd-snapshot.ts");
    await writeEtcdSnapshot(this.store, path);
  }

  async close(): Promise<void> {
    await this.unserve();
    await this.store.close();
  }
}

/** Puts the files of an embedded store that has handed over out of the way, so that nobody opens them by mistake. */
export async function setAside(directory: string, nowMs: number): Promise<void> {
  const path = join(directory, "store");
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere)
    await rename(path, `${path}.until-${new Date(nowMs).toISOString().slice(0, 19).replaceAll(":", "-")}`);
}

/** A store that is opened for the first time becomes the store of a new cluster. */
async function nameCluster(store: Store, name: string, { clock, random }: Means): Promise<void> {
  const info: ClusterInfo = { id: randomId(random), name, createdMs: clock.now() };
  await store.txn({
    compare: [ifMissing(keys.cluster())],
    success: [putJson(keys.cluster(), info)],
    failure: [],
  });
}
