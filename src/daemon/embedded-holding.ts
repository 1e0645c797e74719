/** The embedded store as this machine holds it: open, served to others, and able to step back. */
import type { X509Certificate } from "node:crypto";
import { readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { compileEagerly } from "#host/hot-code.ts";
import type { LeavingStore } from "#members/handover.ts";
import { keys } from "#model/keys.ts";
import { toBytes } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import type { ServeStoreOptions, StoreServer } from "#store/server/server.ts";
import type { Store } from "#store/store.ts";
import type { LiveTrust } from "#trust/live-trust.ts";
import type { DaemonConfig, ListenAddress, StoreTls } from "./config.ts";
import { foundCluster } from "./found-cluster.ts";
import { type GatedStore, gateStore } from "./gated-store.ts";

interface Means {
  readonly clock: Clock;
  readonly random: Random;
  /** By which other machines are known; absent where nobody is checked. */
  readonly trust?: LiveTrust | undefined;
}

export class EmbeddedHolding {
  readonly store: GatedStore;
  /** The same without the gate. */
  readonly #ungated: Store;
  readonly #tls: StoreTls | undefined;
  /** Where `#tls` is the machine's own. */
  readonly #trust: LiveTrust | undefined;
  #listen: ListenAddress;
  #server: StoreServer | undefined;

  private constructor(
    ungated: LocalStore,
    listen: ListenAddress,
    tls: StoreTls | undefined,
    trust: LiveTrust | undefined,
  ) {
    this.#ungated = ungated;
    this.#tls = tls;
    this.#trust = tls?.certFile === trust?.current.paths.certFile ? trust : undefined;
    this.store = gateStore(ungated);
    this.#listen = listen;
  }

  /** @throws FlotillaError when the store cannot be opened or its port cannot be had. */
  static async open(config: DaemonConfig, listen: ListenAddress, means: Means): Promise<EmbeddedHolding> {
    const { openEmbeddedStore } = await import("#store/embedded/embedded-store.ts");
    const { DEFAULT_RETENTION } = await import("#store/mvcc/retention.ts");
    const directory = join(config.directory, "store");
    const { storeQuotaBytes: quotaBytes, storeHistoryMs: periodMs, storeTls } = config;
    const retention = { ...DEFAULT_RETENTION, periodMs };
    const { clock, random } = means;
    const store = await openEmbeddedStore({ directory, clock, random, quotaBytes, retention });
    const holding = new EmbeddedHolding(store, listen, storeTls, means.trust);
    try {
      await foundCluster(holding.store, config, means);
      await holding.serve();
      return holding;
    } catch (error) {
      await holding.store.close();
      throw error;
    }
  }

  /** `http://HOST:PORT` or `https://HOST:PORT` for etcd clients. */
  get url(): string {
    const { host, port } = this.#server?.address ?? this.#listen;
    const scheme = this.#tls === undefined ? "http" : "https";
    return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  /** The store as one that may give way to another. */
  get leaving(): LeavingStore {
    const { store, url } = this;
    return {
      store,
      url,
      shut: () => store.shut(),
      open: () => store.open(),
      serve: () => this.serve(),
      unserve: () => this.unserve(),
    };
  }

  /** Lets others reach it, on the same port as before. */
  async serve(): Promise<void> {
    if (this.#server !== undefined) return;
    const { serveStore } = await import("#store/server/server.ts");
    const tls = await this.#serverTls();
    this.#server = await serveStore({
      store: this.store,
      ...this.#listen,
      busy: compileEagerly,
      ...(tls === undefined ? {} : { tls }),
    });
    // Whatever port it was, it is the one that others know from now on.
    this.#listen = this.#server.address;
  }

  /** Shows the certificate that has been renewed. */
  renew(): void {
    if (this.#trust !== undefined) this.#server?.renew(this.#trust.serverTls("machines"));
  }

  /** Cuts machines that are no longer let in. */
  review(): void {
    this.#server?.review();
  }

  async #serverTls(): Promise<ServeStoreOptions["tls"]> {
    const trust = this.#trust;
    if (trust === undefined) return this.#tls === undefined ? undefined : serverTls(this.#tls);
    const { cert, key, ca } = trust.serverTls("machines");
    const admit = (certificate: X509Certificate): void => void trust.judge(certificate, "machines");
    return { cert, key, trustedCa: ca.join(""), clientCertAuth: true, admit };
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

  async close(): Promise<void> {
    await this.unserve();
    await this.store.close();
  }
}

/** Only who has a certificate by the same authority is let in. @throws FlotillaError `bad-config` */
async function serverTls({
  certFile,
  keyFile,
  caFile,
}: StoreTls): Promise<NonNullable<ServeStoreOptions["tls"]>> {
  const [cert = "", key = "", trustedCa = ""] = await Promise.all([certFile, keyFile, caFile].map(readPem));
  return { cert, key, trustedCa, clientCertAuth: true };
}

function readPem(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw new FlotillaError("bad-config", `the certificate file ${path} cannot be read`, {
      causes: [error instanceof Error ? error.message : String(error)],
      hint: "--store-cert, --store-key and --store-ca name PEM files",
      cause: error,
    });
  });
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
