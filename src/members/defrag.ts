/** Frees space: history is forgotten, then each member's file is written anew, the leader's last. */
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { StoreAccess } from "#model/records.ts";
import type { StoreMemberStatus, StoreStatus } from "#model/store-status.ts";
import { type Store, StoreError } from "#store/store.ts";
import { EtcdAdmin } from "./admin.ts";
import type { Tell } from "./handover.ts";

/** A member's other calls wait while it writes its file. */
const DEFRAG_TIMEOUT_MS = 120_000;

export interface Defragmentation {
  readonly status: StoreStatus;
  readonly access: StoreAccess;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
}

/** @throws FlotillaError `unreachable` when a member does not answer; the others are done then. */
export async function defragment(options: Defragmentation): Promise<void> {
  const { status, store, tell } = options;
  await forgetHistory(store, status);
  const silent = status.members.filter(({ answers }) => !answers);
  const answering = status.members.filter(({ answers }) => answers);
  for (const member of answering.sort((a, b) => Number(a.role === "leader") - Number(b.role === "leader"))) {
    await withMember(member, options, (admin) => admin.defragment(DEFRAG_TIMEOUT_MS));
    tell(`${member.name}: its space is freed`);
  }
  const [first] = answering;
  if (first !== undefined) await withMember(first, options, (admin) => clearAlarms(admin, tell));
  if (silent.length === 0) return tell("done");
  throw new FlotillaError("unreachable", `${silent.map(({ name }) => name).join(", ")} did not answer`, {
    hint: "run this again when they do",
  });
}

async function forgetHistory(store: Store, { revision, compactRevision }: StoreStatus): Promise<void> {
  if (revision === null || revision === compactRevision) return;
  await store.compact(BigInt(revision)).catch((error: unknown) => {
    // It may just have been done.
    if (!(error instanceof StoreError) || !error.message.includes("has been compacted")) throw error;
  });
}

async function clearAlarms(admin: EtcdAdmin, tell: Tell): Promise<void> {
  for (const raised of await admin.alarms()) {
    if (raised.alarm !== "nospace") continue;
    await admin.disarm(raised);
    tell("the alarm over the quota is cleared; it comes back where there is still too much");
  }
}

async function withMember(
  { clientUrls }: StoreMemberStatus,
  { access, clock, random }: Defragmentation,
  use: (admin: EtcdAdmin) => Promise<void>,
): Promise<void> {
  const admin = new EtcdAdmin({ access: { ...access, endpoints: [...clientUrls] }, clock, random });
  try {
    await use(admin);
  } finally {
    await admin.close();
  }
}
