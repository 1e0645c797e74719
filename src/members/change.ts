/**
 * Members come and go, one at a time: a new one learns first and gets its vote when it is in sync; nobody leaves whom
 * the rest cannot do without.
 *
 * Each change may be interrupted anywhere and done again: what is found half done is gone on with. The order keeps
 * clients away from who cannot serve them: endpoints come last and go first.
 */
import { backoffDelayMs } from "#base/backoff.ts";
import { type Clock, sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { StoreAccess, StoreMember, StoreRecord } from "#model/records.ts";
import type { MemberPlace, StoreMemberStatus, StoreStatus } from "#model/store-status.ts";
import { type Store, StoreError } from "#store/store.ts";
import { EtcdAdmin, type Member } from "./admin.ts";
import { memberUnitText, unitName } from "./etcd-unit.ts";
import type { Tell } from "./handover.ts";
import { adviceOn, checkAdding, checkRemoving } from "./quorum.ts";
import { changeStoreRecord, ownRecord } from "./store-record.ts";
import type { Units } from "./units.ts";

/** What etcd refuses for the moment: it has not seen all of its members for five seconds, or a learner is behind. */
const FOR_THE_MOMENT = /unhealthy cluster|not enough started members|in sync with leader|learner can only/;
const PATIENCE_MS = 120_000;
const BACKOFF = { firstMs: 200, maxMs: 1_000 };

export interface MemberChange {
  readonly store: Store;
  readonly access: StoreAccess;
  readonly units: Units;
  readonly inspect: () => Promise<StoreStatus>;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
}

/** @param place what the machine has for it */
export async function addMember(place: MemberPlace, change: MemberChange): Promise<void> {
  const record = await ownRecord(change.store);
  const status = await change.inspect();
  checkAdding(status);
  const listed = record.members.find(({ peerUrl }) => peerUrl === place.peerUrl);
  await withAdmin(change, reachable(status), async (admin) => {
    const { members } = await patiently(change, () => admin.members());
    const found = members.find(({ peerUrls }) => peerUrls.includes(place.peerUrl));
    if (found !== undefined && !found.isLearner && listed !== undefined) {
      await publish(listed, change);
      change.tell(`${place.name} is a member already`);
      return;
    }
    const { member, text } = describe(place, listed, members);
    const id = found?.id ?? (await addLearner(admin, member, change));
    await changeStoreRecord(change.store, change.clock.now(), (now) => withMember(now, member));
    await change.units.submit(member.unit, text);
    change.tell(`${member.name} takes over what there is`);
    await giveVote(admin, id, member, change);
    await untilAnswers(member, change);
    await publish(member, change);
    tellOf(members.filter(({ id: one, isLearner }) => !isLearner && one !== id).length + 1, change);
  });
}

/** @param asked name of the member, or ID of its machine */
export async function removeMember(asked: string, change: MemberChange): Promise<void> {
  const record = await ownRecord(change.store);
  const status = await change.inspect();
  const { listed, shown } = find(asked, record, status);
  if (shown !== undefined) {
    checkRemoving(shown.id, status);
    const others = reachable(status).filter((url) => !shown.clientUrls.includes(url));
    await unpublish(shown.clientUrls, change);
    if (shown.role === "leader") await leaveLead(shown.clientUrls, status, change);
    await withAdmin(change, others, (admin) =>
      patiently(change, () => admin.remove(BigInt(`0x${shown.id}`))),
    );
  }
  if (listed !== undefined) await forget(listed, change);
  tellOf(status.quorum.voters - (shown === undefined || shown.role === "learner" ? 0 : 1), change);
}

/** A member that answers is replaced before it leaves; one that does not must leave first, since etcd wants its members whole. */
export async function replaceMember(asked: string, place: MemberPlace, change: MemberChange): Promise<void> {
  const status = await change.inspect();
  const { shown } = find(asked, await ownRecord(change.store), status);
  const taken = status.members.find(
    ({ peerUrls, role }) => role !== "learner" && peerUrls.includes(place.peerUrl),
  );
  // A machine that has lost its data may take its own place.
  const isItself = taken !== undefined && taken.id === shown?.id && !taken.answers;
  if (taken !== undefined && !isItself) {
    throw new FlotillaError("conflict", `${place.name} is a member already, and can take nobody's place`, {
      hint: `flotilla store remove ${asked} does without one; or name a machine that has no member`,
    });
  }
  const add = (): Promise<void> => addMember(place, change);
  const remove = (): Promise<void> => removeMember(asked, change);
  for (const step of shown?.answers === true ? [add, remove] : [remove, add]) await step();
}

/** Its unit goes; its data stays, since nobody asked for it to be deleted. */
async function forget(member: StoreMember, change: MemberChange): Promise<void> {
  await changeStoreRecord(change.store, change.clock.now(), (now) => ({
    ...now,
    members: now.members.filter(({ peerUrl }) => peerUrl !== member.peerUrl),
  }));
  await change.units.destroy(member.unit);
  change.tell(`${member.name} is no member any more; its data is left in ${member.directory} there`);
}

function describe(
  place: MemberPlace,
  listed: StoreMember | undefined,
  members: readonly Member[],
): { readonly member: StoreMember; readonly text: string } {
  const { machine, name, program, tls, quotaBytes, historyMs, lacks, clientUrl, peerUrl } = place;
  if (program === undefined) {
    throw new FlotillaError("unsupported", `${name} cannot have a member of etcd`, {
      causes: [lacks ?? "etcd is not there"],
    });
  }
  const directory = listed?.directory ?? place.directory;
  const member = { machine, name, unit: unitName(name), peerUrl, clientUrl, directory };
  const others = members
    .filter((one) => !one.peerUrls.includes(peerUrl))
    .flatMap((one) => one.peerUrls.map((url) => `${one.name}=${url}`));
  const cluster = [...others, `${name}=${peerUrl}`];
  return { member, text: memberUnitText({ ...member, program, tls, quotaBytes, historyMs, cluster }, true) };
}

async function addLearner(admin: EtcdAdmin, member: StoreMember, change: MemberChange): Promise<bigint> {
  change.tell(`adding ${member.name}, at first without a vote`);
  return patiently(change, () => admin.addLearner(member.peerUrl));
}

async function giveVote(
  admin: EtcdAdmin,
  id: bigint,
  member: StoreMember,
  change: MemberChange,
): Promise<void> {
  try {
    await patiently(change, () => admin.promote(id));
  } catch (error) {
    if (error instanceof StoreError && error.message.includes("is not a learner")) return;
    throw new FlotillaError("timeout", `${member.name} did not come in sync within ${PATIENCE_MS / 1000} s`, {
      causes: [error instanceof Error ? error.message : String(error)],
      hint: `flotilla journal ${member.unit} has what it says; flotilla store add ${member.name} goes on, flotilla store remove ${member.name} gives up`,
      cause: error,
    });
  }
}

/** Others may have yet to hear where it is to be reached. */
async function untilAnswers(member: StoreMember, change: MemberChange): Promise<void> {
  await patiently(change, async () => {
    const { members } = await change.inspect();
    if (members.some(({ answers, peerUrls }) => answers && peerUrls.includes(member.peerUrl))) return;
    throw new StoreError("unavailable", `${member.name} does not answer yet`);
  });
}

/** From now on clients use it, too. */
async function publish(member: StoreMember, change: MemberChange): Promise<void> {
  await changeStoreRecord(change.store, change.clock.now(), (now) => ({
    ...now,
    access: { ...now.access, endpoints: [...new Set([...now.access.endpoints, member.clientUrl])] },
  }));
}

/** The last endpoint stays, whatever becomes of it. */
async function unpublish(urls: readonly string[], change: MemberChange): Promise<void> {
  await changeStoreRecord(change.store, change.clock.now(), (now) => {
    const endpoints = now.access.endpoints.filter((url) => !urls.includes(url));
    return endpoints.length === 0 ? now : { ...now, access: { ...now.access, endpoints } };
  });
}

function withMember(record: StoreRecord, member: StoreMember): StoreRecord {
  const others = record.members.filter(({ peerUrl }) => peerUrl !== member.peerUrl);
  return { ...record, members: [...others, member] };
}

/** The leader hands on, so that nobody has to notice that it is gone. */
async function leaveLead(
  clientUrls: readonly string[],
  status: StoreStatus,
  change: MemberChange,
): Promise<void> {
  const next = status.members.find(({ role, answers }) => role === "follower" && answers);
  if (next === undefined) return;
  await withAdmin(change, clientUrls, (admin) => admin.moveLeader(BigInt(`0x${next.id}`))).catch(
    () => undefined,
  );
}

/** As it is listed in the cluster, and as etcd knows it; a change that was interrupted may have left either alone. */
interface Target {
  readonly listed: StoreMember | undefined;
  readonly shown: StoreMemberStatus | undefined;
}

/** @throws FlotillaError `store-unavailable` while nobody tells who the members are, `not-found` */
function find(asked: string, record: StoreRecord, { clusterId, members }: StoreStatus): Target {
  if (clusterId === null) {
    throw new FlotillaError("store-unavailable", "no member of the store answers", { retryable: true });
  }
  const listed = record.members.find(({ name, machine }) => name === asked || machine === asked);
  const shown = members.find(
    ({ id, name, peerUrls }) =>
      (listed !== undefined && peerUrls.includes(listed.peerUrl)) || name === asked || id === asked,
  );
  if (listed !== undefined || shown !== undefined) return { listed, shown };
  throw new FlotillaError("not-found", `${asked} has no member of the store`, {
    hint: `those there are: ${members.map(({ name, id }) => name || id).join(", ")}`,
  });
}

/** Where members with a vote answer. */
function reachable({ members }: StoreStatus): readonly string[] {
  return members.flatMap(({ answers, role, clientUrls }) =>
    answers && role !== "learner" ? clientUrls : [],
  );
}

async function withAdmin<T>(
  { access, clock, random }: MemberChange,
  endpoints: readonly string[],
  use: (admin: EtcdAdmin) => Promise<T>,
): Promise<T> {
  const admin = new EtcdAdmin({ access: { ...access, endpoints: [...endpoints] }, clock, random });
  try {
    return await use(admin);
  } finally {
    await admin.close();
  }
}

/** Tries again what etcd refuses for the moment, or what nobody has answered. */
async function patiently<T>({ clock, random }: MemberChange, call: () => Promise<T>): Promise<T> {
  const deadlineMs = clock.monotonic() + PATIENCE_MS;
  for (let failures = 1; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      const passes = error instanceof StoreError && (error.retryable || FOR_THE_MOMENT.test(error.message));
      if (!passes || clock.monotonic() > deadlineMs) throw error;
      await sleep(clock, backoffDelayMs(failures, random, BACKOFF));
    }
  }
}

function tellOf(count: number, { tell }: MemberChange): void {
  const advice = adviceOn(count);
  tell(
    `done: the store has ${count} ${count === 1 ? "member" : "members"}${advice === undefined ? "" : `; ${advice}`}`,
  );
}
