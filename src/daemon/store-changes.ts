/** What the daemon does about changes of the store: follows them, finishes its own, and has them made. */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Loop } from "#base/loop.ts";
import type { Random } from "#base/random.ts";
import type { TlsSettings } from "#members/place.ts";
import type { StoreAdmin } from "#members/store-admin.ts";
import type { ClusterMirror } from "#mirror/cluster-mirror.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import type { DaemonConfig } from "./config.ts";
import type { Identity } from "./identity.ts";
import type { DaemonStore } from "./store.ts";

interface Means {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Ground {
  readonly config: DaemonConfig;
  readonly means: Means;
  readonly identity: Identity;
  readonly opened: DaemonStore;
  readonly supervisor: Supervisor;
  readonly cluster: ClusterMirror;
}

/** The cluster says in the store itself where the store is. */
export function followStoreRecord(cluster: ClusterMirror, opened: DaemonStore, log: Logger): void {
  cluster.onChange(({ kinds }) => {
    const { store } = cluster.view;
    if (!kinds.has("store") || store === undefined) return;
    opened
      .follow(store)
      .catch((error: unknown) => log.error({ error: String(error) }, "cannot follow the store"));
  });
}

/** One for the daemon, loaded when somebody asks for it: a daemon at rest needs nothing of it. */
export function storeAdminOf(ground: Ground): () => Promise<StoreAdmin> {
  let admin: Promise<StoreAdmin> | undefined;
  return () => {
    admin ??= loadStoreAdmin(ground);
    return admin;
  };
}

async function loadStoreAdmin(ground: Ground): Promise<StoreAdmin> {
  const { StoreAdmin } = await import("#members/store-admin.ts");
  const { config, means, identity, opened, supervisor, cluster } = ground;
  const { name, address, directory, storePorts, storeTls, storeQuotaBytes, storeHistoryMs } = config;
  return new StoreAdmin({
    ...means,
    mirror: cluster,
    supervisor,
    place: {
      ...{ machine: identity.machine, name, address, directory },
      clientPort: storePorts.client,
      peerPort: storePorts.peer,
      tls: storeTls === undefined ? undefined : { ...storeTls, ...revocationsOf(config) },
      quotaBytes: storeQuotaBytes,
      historyMs: storeHistoryMs,
    },
    environment: process.env,
    daemon: opened,
    access: () => opened.access,
    leaving: () => opened.embedded?.leaving,
  });
}

/** The list of removed machines goes with the machine's own certificate, and with no other. */
function revocationsOf({ storeTls, trust }: DaemonConfig): Pick<TlsSettings, "crlFile"> {
  return trust === undefined || trust.paths.certFile !== storeTls?.certFile
    ? {}
    : { crlFile: trust.revocationsFile };
}

/**
 * Goes on where the last daemon ended in the middle of a change, until it is done; the store may be away for long.
 * Returns how to stop.
 */
export function finishHandover(
  opened: DaemonStore,
  storeAdmin: () => Promise<StoreAdmin>,
  { clock, random, log }: Means,
): () => Promise<void> {
  if (opened.handover === undefined) return () => Promise.resolve();
  const loop = new Loop({
    clock,
    random,
    safetyIntervalMs: 60_000,
    backoff: { firstMs: 100, maxMs: 2_000 },
    pass: async () => (await storeAdmin()).finishHandover(),
    onError: (error) => log.warn({ error: String(error) }, "the change of the store is not finished yet"),
  });
  loop.wake();
  return () => loop.stop();
}

/** Backups as the settings say. Returns how to stop. */
export async function scheduleBackups(
  { backups: config }: DaemonConfig,
  storeAdmin: () => Promise<StoreAdmin>,
  { clock, log }: Means,
): Promise<() => Promise<void>> {
  if (config === undefined) return () => Promise.resolve();
  const { startBackups } = await import("./backups.ts");
  const backup = async function* (signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    yield* (await storeAdmin()).backup(signal);
  };
  return startBackups({ config, backup, clock, log });
}
