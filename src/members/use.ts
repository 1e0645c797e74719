/**
 * From the embedded store to an etcd that the user runs, while everything runs on.
 *
 * What is under the cluster's prefix is copied; what else is in either of the two is left alone. The embedded store
 * stays as a signpost: it takes no more writes and says where the store is, to machines that are away at the moment.
 */
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import { keys, PREFIX } from "#model/keys.ts";
import { clusterInfoSchema, type StoreAccess, type StoreRecord } from "#model/records.ts";
import { connectStore } from "#store/etcd/client.ts";
import { prefixRange, TO_THE_END, toBytes, toText } from "#store/keys.ts";
import { type Store, StoreError } from "#store/store.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { type Copied, copyStore } from "./copy.ts";
import { isSupported } from "./etcd-program.ts";
import { finishHandover, type LeavingStore, type StoreSwitch, type Tell } from "./handover.ts";
import { inspectStore } from "./status.ts";

/** By then every machine that is there has heard of the new store, and keeps its lease alive itself. */
const RELEASE_AFTER_MS = 3_000;

export interface UseOptions {
  readonly access: StoreAccess;
  readonly view: ClusterView;
  readonly leaving: LeavingStore;
  readonly daemon: StoreSwitch;
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly random: Random;
  readonly tell: Tell;
}

export async function useEtcd(options: UseOptions): Promise<void> {
  const { access, leaving, daemon, supervisor, clock, random, tell } = options;
  const target = connectStore({ ...access, clock, random });
  let copied: Copied | undefined;
  try {
    await checkUser(target);
    await checkMembers(options);
    await checkRoom(target, leaving.store);
    await tellOthers(leaving.store, tell);
    copied = await fill(target, options);
    const record: StoreRecord = { access, members: [], changedMs: clock.now() };
    await daemon.decide({ format: 1, access, handover: { record: JSON.stringify(record) }, signpost: true });
  } catch (error) {
    copied?.release();
    leaving.open();
    await target.close();
    throw error;
  }
  const { release } = copied;
  clock.setTimer(RELEASE_AFTER_MS, () => {
    release();
    void target.close();
  });
  await daemon.switchOver();
  await finishHandover(daemon, supervisor);
  tell("done: the store is that etcd; the embedded one only says so to machines that come late");
}

/** Etcd's texts for somebody it does not know, or who may not. */
const REFUSED = /user name is empty|authentication failed|permission denied|invalid auth token/;

/** @throws FlotillaError `not-permitted`; whether it answers at all is looked at by {@link checkMembers} */
async function checkUser(target: Store): Promise<void> {
  try {
    await target.range({ ...prefixRange(PREFIX), countOnly: true });
  } catch (error) {
    if (!(error instanceof StoreError) || !REFUSED.test(error.message)) return;
    throw new FlotillaError("not-permitted", "that etcd does not let this user in", {
      causes: [error.message],
      hint: `--user NAME --password-file FILE; the user must be permitted to read and write all under ${PREFIX}`,
      cause: error,
    });
  }
}

/** @throws FlotillaError `unreachable`, `unsupported` */
async function checkMembers({ access, view, clock, random, tell }: UseOptions): Promise<void> {
  const { members, quorum, clusterId } = await inspectStore({ access, kind: "etcd", view, clock, random });
  const endpoints = access.endpoints.join(",");
  if (clusterId === null || quorum.answering < quorum.needed) {
    throw new FlotillaError("unreachable", `no etcd with a quorum answers at ${endpoints}`, {
      causes: members.filter(({ answers }) => !answers).map(({ name }) => `${name} does not answer`),
      hint: "try it from this machine: etcdctl --endpoints ... endpoint status",
    });
  }
  const old = members.find(({ version }) => version !== null && !isSupported(version));
  if (old !== undefined) {
    throw new FlotillaError(
      "unsupported",
      `member ${old.name} is etcd ${old.version}; 3.4 or newer is needed`,
    );
  }
  tell(
    `${endpoints}: etcd ${members[0]?.version ?? ""}, ${quorum.answering} of ${quorum.voters} members answer`,
  );
}

/** @throws FlotillaError `conflict` where the target has another cluster's state. */
async function checkRoom(target: Store, source: Store): Promise<void> {
  const { count } = await target.range({ ...prefixRange(PREFIX), countOnly: true });
  if (count === 0) return;
  const [there, here] = await Promise.all([clusterOf(target), clusterOf(source)]);
  if (there === here) return;
  throw new FlotillaError("conflict", `that etcd has ${count} keys under ${PREFIX} already`, {
    causes: [there === undefined ? "they are no cluster's state" : `they are the state of cluster ${there}`],
    hint: `to do without them, on that etcd: etcdctl del --prefix ${PREFIX}`,
  });
}

async function clusterOf(store: Store): Promise<string | undefined> {
  const [kv] = (await store.range({ key: toBytes(keys.cluster()) })).kvs;
  return kv === undefined ? undefined : clusterInfoSchema.parse(JSON.parse(toText(kv.value))).id;
}

async function tellOthers(source: Store, tell: Tell): Promise<void> {
  const range = { key: TO_THE_END, rangeEnd: TO_THE_END, countOnly: true };
  const [all, own] = await Promise.all([
    source.range(range),
    source.range({ ...prefixRange(PREFIX), countOnly: true }),
  ]);
  if (all.count > own.count)
    tell(`${all.count - own.count} keys outside ${PREFIX} are not copied; etcdctl make-mirror does that`);
}

async function fill(target: Store, { leaving, clock, tell }: UseOptions): Promise<Copied> {
  tell("copying; the cluster works on meanwhile");
  const freeze = (): Promise<void> => {
    tell("copying the last changes; writes wait for a moment");
    return leaving.shut();
  };
  const copied = await copyStore({ source: leaving.store, target, prefix: PREFIX, clock, freeze });
  tell(`${copied.keys} keys and ${copied.leases} leases are the same in both`);
  return copied;
}
