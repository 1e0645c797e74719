/**
 * What the parts of a change of stores need of the daemon, and what follows once it is decided.
 *
 * A change is decided in one moment: when `store.json` says so. A crash before it leaves everything as it was; after
 * it, the daemon's next start goes on from here.
 */
import { FlotillaError } from "#base/errors.ts";
import { keys } from "#model/keys.ts";
import { type StoreAccess, type StoreRecord, storeRecordSchema } from "#model/records.ts";
import type { LocalStore } from "#store/local-store.ts";
import { putJson } from "#store/ops.ts";
import type { Store } from "#store/store.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";

/** The embedded store of this machine, which is to give way. */
export interface LeavingStore {
  readonly store: LocalStore;
  readonly url: string;
  /** Lets no more writes in; resolves when those under way are done. */
  shut(): Promise<void>;
  open(): void;
  /** Gives up its port; `serve` takes it back. */
  unserve(): Promise<void>;
  serve(): Promise<void>;
}

export interface Handover {
  readonly unit?: string;
  /** The new store's record, as JSON. */
  readonly record: string;
}

export interface Decision {
  readonly format: 1;
  readonly access: StoreAccess;
  readonly handover: Handover;
  readonly signpost?: boolean;
}

/** The daemon's store, as far as it can be exchanged. */
export interface StoreSwitch {
  readonly store: Store;
  /** What is left to do of a decision that was acted on. */
  readonly handover: Handover | undefined;
  decide(decision: Decision): Promise<void>;
  undecide(): Promise<void>;
  switchOver(): Promise<void>;
  settle(): Promise<void>;
}

/** Tells in a sentence what is being done. */
export type Tell = (step: string) => void;

/**
 * Everything behind a decision: the member runs, the new store knows its own record. May be repeated.
 * @throws StoreError while the new store does not answer
 */
export async function finishHandover(
  daemon: StoreSwitch,
  supervisor: Pick<Supervisor, "start" | "status">,
): Promise<void> {
  const { handover } = daemon;
  if (handover === undefined) return;
  // Its start may take as long as the other members are away.
  if (handover.unit !== undefined) void supervisor.start(handover.unit);
  await daemon.store.txn({
    compare: [],
    success: [putJson(keys.store(), readRecord(handover.record))],
    failure: [],
  });
  await daemon.settle();
}

function readRecord(text: string): StoreRecord {
  const parsed = storeRecordSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new FlotillaError("bad-config", "store.json names no store that this version knows", {
    causes: parsed.error.issues.map(({ path, message }) => [...path, message].join(": ")),
  });
}
