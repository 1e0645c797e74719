/**
 * From the embedded store to a member of etcd on the same machine, at the same address, while everything runs on.
 *
 * The member is a unit of the cluster from the beginning; it cannot start before its data is in place. That is a copy
 * with the same revisions and leases, so that etcd's clients go on where they were; writes wait for the last of it.
 * Until the decision is on the disk every failure leaves the embedded store as it was; if etcd then does not come up,
 * the decision is taken back, since nobody can have written to it.
 */
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { makeDirectories } from "#host/files.ts";
import type { StoreMember, StoreRecord } from "#model/records.ts";
import type { MemberPlace } from "#model/store-status.ts";
import { connectStore } from "#store/etcd/client.ts";
import { TO_THE_END } from "#store/keys.ts";
import type { Revision, Store } from "#store/store.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { findRestorer } from "./etcd-program.ts";
import { memberUnitText, unitName } from "./etcd-unit.ts";
import { finishHandover, type LeavingStore, type StoreSwitch, type Tell } from "./handover.ts";
import { MemberData } from "./member-data.ts";
import { type Units, untilLoaded } from "./units.ts";

const START_TIMEOUT_MS = 30_000;

export interface Promotion {
  readonly place: MemberPlace;
  readonly leaving: LeavingStore;
  readonly daemon: StoreSwitch;
  readonly supervisor: Supervisor;
  readonly units: Units;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
}

export async function promote(promotion: Promotion): Promise<void> {
  const { place, leaving, daemon, supervisor, units, clock, tell } = promotion;
  const { program, version } = programOf(place);
  const restorer = await findRestorer(promotion.environment, place.name);
  const member = memberOf(place, leaving.url);
  const record: StoreRecord = {
    access: { endpoints: [member.clientUrl], ...(place.tls === undefined ? {} : { tls: place.tls }) },
    members: [member],
    changedMs: clock.now(),
  };
  tell(`${place.name}: etcd ${version} becomes the store, at ${member.clientUrl}`);
  await units.submit(member.unit, unitTextOf(place, member, program));
  let revision: Revision;
  try {
    await untilLoaded(member.unit, supervisor, clock);
    revision = await fill(promotion, member, restorer);
    const handover = { unit: member.unit, record: JSON.stringify(record) };
    await daemon.decide({ format: 1, access: record.access, handover });
  } catch (error) {
    leaving.open();
    await units.destroy(member.unit).catch(() => undefined);
    throw error;
  }
  await takeOver(promotion, member, revision);
  await finishHandover(daemon, supervisor);
  tell("done: the store is etcd; its files before are set aside");
}

function programOf(place: MemberPlace): { readonly program: string; readonly version: string } {
  const { program, version, lacks } = place;
  if (program !== undefined && version !== undefined) return { program, version };
  throw new FlotillaError("unsupported", `${place.name} cannot have a member of etcd`, {
    causes: [lacks ?? "etcd is not there"],
  });
}

function memberOf(place: MemberPlace, clientUrl: string): StoreMember {
  const { machine, name, peerUrl, directory } = place;
  return { machine, name, unit: unitName(name), peerUrl, clientUrl, directory };
}

function unitTextOf(place: MemberPlace, member: StoreMember, program: string): string {
  const { tls, quotaBytes, historyMs } = place;
  const cluster = [`${member.name}=${member.peerUrl}`];
  return memberUnitText({ ...member, program, tls, quotaBytes, historyMs, cluster }, false);
}

/**
 * What is in the embedded store becomes the member's data, whole, at the same revision, which is returned. Writes wait
 * for the last of it, and from then on.
 */
async function fill(
  { leaving, tell, place }: Promotion,
  { directory, peerUrl }: StoreMember,
  restorer: string,
): Promise<Revision> {
  const fresh = `${directory}.new`;
  await makeDirectories(dirname(directory));
  await discard(fresh);
  try {
    tell("copying; everything goes on meanwhile");
    const member = { name: place.name, peerUrl, directory: fresh };
    const data = await MemberData.begin(leaving.store, restorer, member);
    try {
      await leaving.shut();
      const revision = await data.finish();
      tell(`copied up to revision ${revision}; writes wait for a moment, reads and units do not`);
      await rename(fresh, directory);
      return revision;
    } finally {
      await data.close();
    }
  } finally {
    await discard(fresh);
  }
}

function countOf(store: Store, revision = 0n): ReturnType<Store["range"]> {
  return store.range({ key: TO_THE_END, rangeEnd: TO_THE_END, countOnly: true, revision });
}

async function discard(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

/** The embedded store gives up its address, the member takes it. */
async function takeOver(promotion: Promotion, member: StoreMember, revision: Revision): Promise<void> {
  const { leaving, daemon, supervisor, units, clock, tell } = promotion;
  await leaving.unserve();
  const failure =
    (await startMember(member.unit, supervisor, clock)) ?? (await whatIsMissing(promotion, member, revision));
  if (failure === undefined) return daemon.switchOver();
  tell("etcd does not come up; the embedded store goes on");
  await daemon.undecide();
  await supervisor.stop(member.unit);
  await discard(member.directory);
  await leaving.serve();
  leaving.open();
  await units.destroy(member.unit);
  throw new FlotillaError(
    "unit-failed",
    `${member.unit} did not start; the store is the embedded one as before`,
    {
      causes: [failure],
      hint: `flotilla journal ${member.unit} has what etcd said`,
    },
  );
}

/**
 * Why the member is not what it should be; undefined when it has every key that was copied. Both may have gone on since:
 * the embedded store by leases that nobody could keep alive, etcd by what its first clients have written.
 */
async function whatIsMissing(
  { leaving, place, clock, random }: Promotion,
  member: StoreMember,
  revision: Revision,
): Promise<string | undefined> {
  const store = connectStore({ endpoints: [member.clientUrl], tls: place.tls, clock, random });
  try {
    const here = await countOf(leaving.store, revision);
    const there = await countOf(store, revision);
    return there.count === here.count ? undefined : `it has ${there.count} keys instead of ${here.count}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await store.close();
  }
}

/** Etcd tells when it serves. Resolves with the reason when it does not. */
async function startMember(unit: string, supervisor: Supervisor, clock: Clock): Promise<string | undefined> {
  const late = Promise.withResolvers<string>();
  const timer = clock.setTimer(START_TIMEOUT_MS, () =>
    late.resolve(`it was not ready within ${START_TIMEOUT_MS / 1000} s`),
  );
  const started = supervisor
    .start(unit)
    .then(({ result, message }) => (result === "done" ? undefined : (message ?? `its start is ${result}`)));
  try {
    return await Promise.race([started, late.promise]);
  } finally {
    timer.cancel();
  }
}
