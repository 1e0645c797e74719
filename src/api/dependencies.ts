/** What the API is given; the daemon wires it. The API knows interfaces only. */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { StoreAdmin } from "#members/store-admin.ts";
import type { ClusterMirror } from "#mirror/cluster-mirror.ts";
import type { MachineRecord, StoreAccess } from "#model/records.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import type { Store } from "#store/store.ts";
import type { JournalEntry, JournalQuery, UnitUsage } from "#supervisor/supervisor.ts";
import type { Access } from "./access/identify.ts";
import type { AuditLog } from "./audit.ts";
import type { PeerAnswer, PeerOptions } from "./peer.ts";

export interface ApiDependencies {
  readonly store: Store;
  readonly mirror: ClusterMirror;
  /** Whom to believe. */
  readonly access: Access;
  /** The journal of this machine. */
  readonly journal: (query: JournalQuery) => AsyncIterable<JournalEntry>;
  /** What a unit of this machine uses now. */
  readonly usage: (unit: string) => UnitUsage;
  /** Where changes are noted. */
  readonly audit: AuditLog;
  /** This machine's ID. */
  readonly machineId: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** What the planner would be told now, for explaining why a unit is where it is. */
  readonly planContext: () => PlanContext;
  /** Ends this machine's units, has its certificate revoked by `revoke`, and takes it out of the cluster. */
  readonly leave: (now: boolean, revoke: () => Promise<void>) => Promise<void>;
  /** How this machine reaches the store. */
  readonly storeAccess: () => StoreAccess;
  /** The store as something to look at and to change; loaded when it is asked for. */
  readonly storeAdmin: () => Promise<StoreAdmin>;
  /** Whether another machine gives a sign of itself to this one. */
  readonly knock: (machine: MachineRecord) => Promise<boolean>;
  /** Asks another machine's API; `url` is absolute. Rejects when the machine does not answer. */
  readonly askPeer: (url: string, options: PeerOptions) => Promise<PeerAnswer>;
}
