/**
 * The store as something to look at and to change, for the API: its state, and the ways from one store to another.
 *
 * members/ owns real etcds under Flotilla: their units, who is a member, the way there from the embedded store, and
 * what is wrong with any of it. It must not read or write the cluster's state but the `store` key, must not run
 * anything but etcd's own programs, and is loaded only when it is asked for.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { ClusterMirror } from "#mirror/cluster-mirror.ts";
import type { StoreAccess } from "#model/records.ts";
import type { MemberPlace, StoreStatus } from "#model/store-status.ts";
import { describePlace, type PlaceSettings } from "./place.ts";
import { inspectStore } from "./status.ts";

export interface StoreAdminOptions {
  readonly mirror: ClusterMirror;
  readonly clock: Clock;
  readonly random: Random;
  readonly place: PlaceSettings;
  readonly environment: NodeJS.ProcessEnv;
  readonly access: () => StoreAccess;
  /** Whether the store in use is this machine's embedded one. */
  readonly holdsEmbedded: () => boolean;
}

export class StoreAdmin {
  readonly #options: StoreAdminOptions;

  constructor(options: StoreAdminOptions) {
    this.#options = options;
  }

  status(): Promise<StoreStatus> {
    const { access, mirror, clock, random } = this.#options;
    return inspectStore({ access: access(), kind: this.#kind(), view: mirror.view, clock, random });
  }

  /** What this machine has for being a member. */
  place(): Promise<MemberPlace> {
    return describePlace(this.#options.place, this.#options.environment);
  }

  #kind(): StoreStatus["kind"] {
    const { mirror, holdsEmbedded } = this.#options;
    if (holdsEmbedded()) return "embedded";
    if (mirror.view.store !== undefined) return "etcd";
    // A machine that has the embedded store says so; where none does, it is away, or an etcd of the user's own.
    const embedded = [...mirror.view.machines.values()].some(({ hasStore }) => hasStore);
    return embedded || !mirror.connected ? "embedded" : "etcd";
  }
}
