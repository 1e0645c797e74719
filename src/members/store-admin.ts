/**
 * The store as something to look at and to change, for the API: its state, and the ways from one store to another.
 *
 * members/ owns real etcds under Flotilla: their units, who is a member, the way there from the embedded store, and
 * what is wrong with any of it. It must not read or write the cluster's state but the `store` key, must not run
 * anything but etcd's own programs, and is loaded only when it is asked for. One change of the store at a time.
 */
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { ClusterMirror } from "#mirror/cluster-mirror.ts";
import type { StoreAccess, StoreRecord } from "#model/records.ts";
import type { MemberPlace, StoreStatus } from "#model/store-status.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { EtcdAdmin } from "./admin.ts";
import type { MemberChange } from "./change.ts";
import { finishHandover, type LeavingStore, type StoreSwitch, type Tell } from "./handover.ts";
import { describePlace, type PlaceSettings } from "./place.ts";
import { ANSWER_TIMEOUT_MS, inspectStore } from "./status.ts";
import { readStoreRecord } from "./store-record.ts";
import type { Units } from "./units.ts";

export interface StoreAdminOptions {
  readonly mirror: ClusterMirror;
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly random: Random;
  readonly place: PlaceSettings;
  readonly environment: NodeJS.ProcessEnv;
  readonly daemon: StoreSwitch;
  readonly access: () => StoreAccess;
  /** The embedded store, where this machine has it and it is the one in use. */
  readonly leaving: () => LeavingStore | undefined;
}

export class StoreAdmin {
  readonly #options: StoreAdminOptions;
  /** The change that is under way. */
  #busy: string | undefined;

  constructor(options: StoreAdminOptions) {
    this.#options = options;
  }

  async status(): Promise<StoreStatus> {
    const { access, mirror, clock, random } = this.#options;
    const store = await this.#record();
    const view = { ...mirror.view, store };
    return inspectStore({ access: access(), kind: this.#kind(store), view, clock, random });
  }

  /** What this machine has for being a member. */
  place(): Promise<MemberPlace> {
    return describePlace(this.#options.place, this.#options.environment);
  }

  /** ID of the machine that has the embedded store; undefined where the store is another. @throws FlotillaError `machine-gone` */
  embeddedHolder(): string | undefined {
    if (this.#kind() === "etcd") return undefined;
    const { mirror, place, leaving } = this.#options;
    if (leaving() !== undefined) return place.machine;
    const holder = [...mirror.view.machines.values()].find(({ hasStore }) => hasStore);
    if (holder !== undefined) return holder.id;
    throw new FlotillaError("machine-gone", "the machine with the embedded store is not there");
  }

  /** All of the store as one of etcd's own snapshots, which ends with a checksum of itself. */
  async *backup(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const { access, clock, random } = this.#options;
    const admin = new EtcdAdmin({ access: access(), clock, random });
    try {
      yield* admin.snapshot(signal);
    } finally {
      await admin.close();
    }
  }

  /** Frees the space of what was deleted or is history, on each member in turn, and clears the alarms over it. */
  defrag(tell: Tell): Promise<void> {
    return this.#change("defrag", async () => {
      const { defragment } = await import("./defrag.ts");
      const { access, daemon, clock, random } = this.#options;
      await defragment({
        status: await this.status(),
        access: access(),
        store: daemon.store,
        clock,
        random,
        tell,
      });
    });
  }

  /** Makes an etcd of this machine's embedded store. */
  promote(units: Units, tell: Tell): Promise<void> {
    return this.#change("promote", async () => {
      const { promote } = await import("./promote.ts");
      const leaving = this.#embedded();
      await promote({ ...this.#options, place: await this.place(), leaving, units, tell });
    });
  }

  /** Makes an etcd of the user's own the store, in place of this machine's embedded one. */
  use(access: StoreAccess, tell: Tell): Promise<void> {
    return this.#change("use", async () => {
      const { useEtcd } = await import("./use.ts");
      await useEtcd({
        ...this.#options,
        access,
        view: this.#options.mirror.view,
        leaving: this.#embedded(),
        tell,
      });
    });
  }

  add(place: MemberPlace, units: Units, tell: Tell): Promise<void> {
    return this.#changeMembers("add", units, tell, ({ addMember }, change) => addMember(place, change));
  }

  /** @param member name or ID of its machine */
  remove(member: string, units: Units, tell: Tell): Promise<void> {
    return this.#changeMembers("remove", units, tell, ({ removeMember }, change) =>
      removeMember(member, change),
    );
  }

  replace(member: string, place: MemberPlace, units: Units, tell: Tell): Promise<void> {
    return this.#changeMembers("replace", units, tell, ({ replaceMember }, change) =>
      replaceMember(member, place, change),
    );
  }

  /** Goes on with what the end of the daemon before has left to do. @throws StoreError while the store is away */
  finishHandover(): Promise<void> {
    return finishHandover(this.#options.daemon, this.#options.supervisor);
  }

  #changeMembers(
    name: string,
    units: Units,
    tell: Tell,
    change: (members: typeof import("./change.ts"), change: MemberChange) => Promise<void>,
  ): Promise<void> {
    return this.#change(name, async () => {
      const { daemon, access, clock, random } = this.#options;
      const inspect = (): Promise<StoreStatus> => this.status();
      const means = { store: daemon.store, access: access(), units, inspect, clock, random, tell };
      await change(await import("./change.ts"), means);
    });
  }

  #embedded(): LeavingStore {
    const leaving = this.#options.leaving();
    if (leaving !== undefined) return leaving;
    throw new FlotillaError("conflict", "the store is not the embedded one of this machine", {
      hint: "flotilla store status shows what it is",
    });
  }

  async #change<T>(name: string, change: () => Promise<T>): Promise<T> {
    if (this.#busy !== undefined) {
      throw new FlotillaError("conflict", `flotilla store ${this.#busy} is under way`, {
        hint: "wait until it has ended",
      });
    }
    this.#busy = name;
    try {
      return await change();
    } finally {
      this.#busy = undefined;
    }
  }

  /**
   * What the store says of itself, since this machine may not have heard yet of a change that others have finished; what
   * it has heard, while the store does not answer.
   */
  async #record(): Promise<StoreRecord | undefined> {
    const { daemon, mirror } = this.#options;
    try {
      return (await readStoreRecord(daemon.store, { timeoutMs: ANSWER_TIMEOUT_MS })).record;
    } catch {
      return mirror.view.store;
    }
  }

  #kind(store = this.#options.mirror.view.store): StoreStatus["kind"] {
    const { mirror, leaving, daemon } = this.#options;
    if (leaving() !== undefined) return "embedded";
    // Of a change that is not finished the store itself does not tell yet.
    if (daemon.handover !== undefined || store !== undefined) return "etcd";
    // A machine that has the embedded store says so; where none does, it is away, or an etcd of the user's own.
    const embedded = [...mirror.view.machines.values()].some(({ hasStore }) => hasStore);
    return embedded || !mirror.connected ? "embedded" : "etcd";
  }
}
