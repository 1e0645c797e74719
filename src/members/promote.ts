/**
 * From the embedded store to a member of etcd on the same machine, at the same address, while everything runs on.
 *
 * The member is a unit of the cluster from the beginning; it cannot start before its data is in place. The embedded
 * store works until the last changes are copied; then writes wait for a moment, and go on in etcd. Until the decision
 * is on the disk every failure leaves the embedded store as it was; if etcd then does not come up, the decision is
 * taken back, since nobody can have written to it.
 */
import { rename, rm } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { StoreMember, StoreRecord } from "#model/records.ts";
import type { MemberPlace } from "#model/store-status.ts";
import { connectStore } from "#store/etcd/client.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { copyStore } from "./copy.ts";
import { memberUnitText, unitName } from "./etcd-unit.ts";
import { finishHandover, type LeavingStore, type StoreSwitch, type Tell } from "./handover.ts";
import type { Units } from "./units.ts";
import { untilLoaded } from "./units.ts";

const START_TIMEOUT_MS = 30_000;

export interface Promotion {
  readonly place: MemberPlace;
  readonly leaving: LeavingStore;
  readonly daemon: StoreSwitch;
  readonly supervisor: Supervisor;
  readonly units: Units;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
}

export async function promote(promotion: Promotion): Promise<void> {
  const { place, leaving, daemon, supervisor, units, clock, tell } = promotion;
  const { program, version } = programOf(place);
  const member = memberOf(place, leaving.url);
  const record: StoreRecord = {
    access: { endpoints: [member.clientUrl] },
    members: [member],
    changedMs: clock.now(),
  };
  tell(`${place.name}: etcd ${version} becomes the store, at ${member.clientUrl}`);
  await units.submit(member.unit, unitTextOf(place, member, program));
  try {
    await untilLoaded(member.unit, supervisor, clock);
    await fill(promotion, member, program);
    const handover = { unit: member.unit, record: JSON.stringify(record) };
    await daemon.decide({ format: 1, access: record.access, handover });
  } catch (error) {
    leaving.open();
    await units.destroy(member.unit).catch(() => undefined);
    throw error;
  }
  await takeOver(promotion, member);
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
  const { tls, quotaBytes } = place;
  const cluster = [`${member.name}=${member.peerUrl}`];
  return memberUnitText({ ...member, program, tls, quotaBytes, cluster }, false);
}

/** Puts all that is in the embedded store into the member's directory; writes wait from the last part of it on. */
async function fill(promotion: Promotion, member: StoreMember, program: string): Promise<void> {
  const { leaving, clock, random, tell } = promotion;
  const { startSeed } = await import("./seed.ts");
  const directory = `${member.directory}.new`;
  await rm(directory, { recursive: true, force: true });
  const seed = await startSeed({ ...member, program, directory });
  const target = connectStore({ endpoints: [seed.endpoint], clock, random });
  try {
    tell("copying; the cluster works on meanwhile");
    const freeze = (): Promise<void> => {
      tell("copying the last changes; writes wait for a moment");
      return leaving.shut();
    };
    const copied = await copyStore({ source: leaving.store, target, prefix: "", clock, freeze });
    copied.release();
    tell(`${copied.keys} keys and ${copied.leases} leases are the same in both`);
  } catch (error) {
    await target.close();
    await seed.stop();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  await target.close();
  await seed.stop();
  await rename(directory, member.directory);
}

/** The embedded store gives up its address, the member takes it. */
async function takeOver(
  { leaving, daemon, supervisor, units, clock, tell }: Promotion,
  member: StoreMember,
): Promise<void> {
  await leaving.unserve();
  const failure = await startMember(member.unit, supervisor, clock);
  if (failure === undefined) return daemon.switchOver();
  tell("etcd does not come up; the embedded store goes on");
  await daemon.undecide();
  await supervisor.stop(member.unit);
  await rm(member.directory, { recursive: true, force: true });
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
