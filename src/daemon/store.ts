/**
 * The daemon's store: the one that the settings name, or that the cluster has moved to since.
 *
 * Implementations are loaded when they are chosen, so that a daemon carries only the one it uses. Invariant: what
 * `store.json` says is what is used; it is written before the switch that it speaks of.
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { PREFIX } from "#model/keys.ts";
import type { StoreAccess, StoreRecord } from "#model/records.ts";
import type { RemoteStore } from "#store/etcd/client.ts";
import type { LiveTrust } from "#trust/live-trust.ts";
import type { DaemonConfig } from "./config.ts";
import { EmbeddedHolding, setAside } from "./embedded-holding.ts";
import { loadStoreChoice, removeStoreChoice, type StoreChoice, saveStoreChoice } from "./store-file.ts";
import { SwitchableStore } from "./switchable-store.ts";

interface Means {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** By which other machines are known; absent where nobody is checked. */
  readonly trust?: LiveTrust | undefined;
}

/** What is used now. The embedded store may be there beside a remote one: frozen, to tell others where it went. */
interface InUse {
  readonly choice: StoreChoice | undefined;
  readonly embedded: EmbeddedHolding | undefined;
  readonly remote: { readonly store: RemoteStore; readonly access: StoreAccess } | undefined;
}

export class DaemonStore {
  readonly store: SwitchableStore;
  readonly #config: DaemonConfig;
  readonly #means: Means;
  #inUse: InUse;

  private constructor(config: DaemonConfig, means: Means, inUse: InUse, store: SwitchableStore) {
    this.#config = config;
    this.#means = means;
    this.#inUse = inUse;
    this.store = store;
  }

  /** @throws FlotillaError when the embedded store cannot be opened; a remote one that is away is no error. */
  static async open(config: DaemonConfig, means: Means): Promise<DaemonStore> {
    const choice = await loadStoreChoice(config.directory);
    const access = accessOf(config, choice);
    const embedded = await openEmbedded(config, choice, means);
    const remote = access === undefined ? undefined : { access, store: await connect(access, means) };
    const store = remote?.store ?? embedded?.store;
    if (store === undefined) throw new Error("the settings name no store");
    return new DaemonStore(config, means, { choice, embedded, remote }, new SwitchableStore(store));
  }

  /** How clients reach it. */
  get access(): StoreAccess {
    const { remote, embedded } = this.#inUse;
    return remote?.access ?? { endpoints: [embedded?.url ?? ""], ...tlsOf(this.#config) };
  }

  /** The embedded store, while it is the one in use. */
  get embedded(): EmbeddedHolding | undefined {
    return this.#inUse.remote === undefined ? this.#inUse.embedded : undefined;
  }

  /** What is yet to be done after a switch that this machine made. */
  get handover(): StoreChoice["handover"] {
    return this.#inUse.choice?.handover;
  }

  /** Takes in what the cluster says of its store: other members, or another store. */
  async follow(record: StoreRecord): Promise<void> {
    const { choice, remote } = this.#inUse;
    // To members of the cluster each machine shows its own certificate.
    const access = { ...record.access, ...(record.members.length > 0 ? tlsOf(this.#config) : {}) };
    // The machine that has the embedded store decides by itself when it is over.
    if (remote === undefined) return;
    if (choice === undefined || !isSame(choice.access, access)) {
      const next = { ...choice, format: 1 as const, access };
      await saveStoreChoice(this.#config.directory, next);
      this.#inUse = { ...this.#inUse, choice: next };
    }
    if (isSame(remote.access, access)) return;
    this.#means.log.info(
      { endpoints: access.endpoints },
      "the cluster's store has moved or has other members",
    );
    await this.#reach(access);
  }

  /** Decides that the store is another one from now on, whatever happens to this process next. */
  async decide(choice: StoreChoice): Promise<void> {
    await saveStoreChoice(this.#config.directory, choice);
    this.#inUse = { ...this.#inUse, choice };
  }

  /** Takes a decision back that nobody has acted on yet. */
  async undecide(): Promise<void> {
    await removeStoreChoice(this.#config.directory);
    this.#inUse = { ...this.#inUse, choice: undefined };
  }

  /** Uses what was decided. The embedded store is closed, or kept as a signpost. */
  async switchOver(): Promise<void> {
    const { choice, embedded } = this.#inUse;
    if (choice === undefined) return;
    await this.#reach(choice.access);
    if (embedded !== undefined && choice.signpost !== true) {
      await embedded.close();
      this.#inUse = { ...this.#inUse, embedded: undefined };
    }
  }

  /** Notes that all is done that followed from a switch. */
  async settle(): Promise<void> {
    const { choice, embedded } = this.#inUse;
    if (choice?.handover === undefined) return;
    if (choice.signpost === true) await embedded?.announce(choice.handover.record);
    else await setAside(this.#config.directory, this.#means.clock.now());
    const { handover: _, ...settled } = choice;
    await this.decide(settled);
  }

  /** Shows the machine's renewed certificate; connections to others take it by themselves. */
  renew(): void {
    this.#inUse.embedded?.renew();
  }

  /** Cuts machines that are no longer let in. */
  review(): void {
    this.#inUse.embedded?.review();
  }

  async close(): Promise<void> {
    await this.#inUse.remote?.store.close();
    await this.#inUse.embedded?.close();
  }

  async #reach(access: StoreAccess): Promise<void> {
    const before = this.#inUse.remote;
    if (before !== undefined && isSame({ ...before.access, endpoints: access.endpoints }, access)) {
      before.store.setEndpoints(access.endpoints);
      this.#inUse = { ...this.#inUse, remote: { store: before.store, access } };
      return;
    }
    const store = await connect(access, this.#means);
    this.#inUse = { ...this.#inUse, remote: { store, access } };
    this.store.switchTo(store);
    await before?.store.close();
  }
}

function accessOf(config: DaemonConfig, choice: StoreChoice | undefined): StoreAccess | undefined {
  if (choice !== undefined) return choice.access;
  const { store } = config;
  return store.kind === "remote" ? { endpoints: [...store.endpoints], ...tlsOf(config) } : undefined;
}

function tlsOf({ storeTls }: DaemonConfig): Pick<StoreAccess, "tls"> {
  return storeTls === undefined ? {} : { tls: { ...storeTls } };
}

async function openEmbedded(
  config: DaemonConfig,
  choice: StoreChoice | undefined,
  means: Means,
): Promise<EmbeddedHolding | undefined> {
  if (config.store.kind !== "embedded") return undefined;
  if (choice !== undefined && choice.signpost !== true) return undefined;
  const holding = await EmbeddedHolding.open(config, config.store.listen, means);
  if (choice?.signpost === true) await holding.store.shut();
  return holding;
}

async function connect(access: StoreAccess, { clock, random }: Means): Promise<RemoteStore> {
  const { connectStore } = await import("#store/etcd/client.ts");
  // All that a daemon follows is the cluster's; it comes to this machine once.
  return connectStore({ ...access, clock, random, sharedPrefix: PREFIX });
}

function isSame(one: StoreAccess, other: StoreAccess): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
