/** Looks at a store as it is: asks every member, and gathers what they say. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import type { StoreAccess } from "#model/records.ts";
import type { StoreMemberStatus, StoreStatus } from "#model/store-status.ts";
import { EtcdAdmin, formatId, type Member, type MemberStatus } from "./admin.ts";
import { diagnose } from "./diagnose.ts";
import type { Distrust } from "./distrust.ts";
import { readGauges } from "./gauges.ts";

/** A member that takes longer is as good as dead for whoever looks. */
export const ANSWER_TIMEOUT_MS = 2_000;

export interface Inspection {
  readonly access: StoreAccess;
  readonly kind: StoreStatus["kind"];
  readonly view: ClusterView;
  readonly clock: Clock;
  readonly random: Random;
}

/** What one member told, each part as far as it answered. */
interface Told {
  readonly member: Member;
  readonly status: MemberStatus | undefined;
  readonly gauges: ReadonlyMap<string, number>;
}

export async function inspectStore(inspection: Inspection): Promise<StoreStatus> {
  const silence: string[] = [];
  const answers = await Promise.all(
    inspection.access.endpoints.map((url) => askEndpoint(url, inspection, silence)),
  );
  const answer = answers.find((one) => one !== undefined);
  const members = answer?.members ?? inspection.access.endpoints.map(unknownMember);
  const told = await Promise.all(members.map((member) => askMember(member, inspection)));
  return conclude(inspection, {
    clusterId: answer === undefined ? null : formatId(answer.clusterId),
    alarms: answer?.alarms ?? [],
    told,
    ...(answer === undefined ? { distrust: await readDistrust(inspection, silence) } : {}),
  });
}

interface EndpointAnswer extends Pick<StoreStatus, "alarms"> {
  readonly clusterId: bigint;
  readonly members: readonly Member[];
}

/**
 * Who the members are, which each of them knows, also without a quorum; undefined when it does not answer.
 * @param silence is told why it does not
 */
async function askEndpoint(
  url: string,
  inspection: Inspection,
  silence: string[],
): Promise<EndpointAnswer | undefined> {
  const admin = adminOf(inspection, { ...inspection.access, endpoints: [url] });
  try {
    const [{ clusterId, members }, raised] = await Promise.all([
      admin.members(),
      admin.alarms().catch(() => []),
    ]);
    const alarms = raised.flatMap(({ memberId, alarm }) =>
      alarm === "none" ? [] : [{ member: formatId(memberId), alarm }],
    );
    return { clusterId, members, alarms };
  } catch (error) {
    silence.push(error instanceof Error ? error.message : String(error));
    return undefined;
  } finally {
    await admin.close();
  }
}

function adminOf({ clock, random }: Inspection, access: StoreAccess): EtcdAdmin {
  return new EtcdAdmin({ access, clock, random, callTimeoutMs: ANSWER_TIMEOUT_MS });
}

/** While nobody tells who the members are, the endpoints stand for them. */
function unknownMember(endpoint: string): Member {
  return { id: 0n, name: endpoint, peerUrls: [], clientUrls: [endpoint], isLearner: false };
}

async function askMember(member: Member, inspection: Inspection): Promise<Told> {
  if (member.clientUrls.length === 0) return { member, status: undefined, gauges: new Map() };
  const access = { ...inspection.access, endpoints: [...member.clientUrls] };
  const admin = adminOf(inspection, access);
  try {
    const [status, gauges] = await Promise.all([
      admin.status().catch(() => undefined),
      readGauges(access, ANSWER_TIMEOUT_MS),
    ]);
    return { member, status, gauges };
  } finally {
    await admin.close();
  }
}

interface Findings extends Pick<StoreStatus, "clusterId" | "alarms"> {
  readonly told: readonly Told[];
  /** Where nobody answers. */
  readonly distrust?: Distrust;
}

/** What certificates may have to do with it that nobody answers. */
async function readDistrust({ access, clock }: Inspection, silence: readonly string[]): Promise<Distrust> {
  const file = access.tls?.certFile;
  const text = file === undefined ? undefined : await readFile(file).catch(() => undefined);
  const nowMs = clock.now();
  if (text === undefined) return { nowMs, silence };
  const { validFromDate, validToDate } = new X509Certificate(text);
  return { nowMs, silence, own: { fromMs: validFromDate.getTime(), toMs: validToDate.getTime() } };
}

function conclude(
  { access, kind, view }: Inspection,
  { clusterId, alarms, told, distrust }: Findings,
): StoreStatus {
  const leaderId = told.map(({ status }) => status?.leader ?? 0n).find((id) => id !== 0n);
  const leader = leaderId === undefined ? null : formatId(leaderId);
  const furthest = told.reduce((most, { status }) => bigger(most, status?.raftIndex ?? 0n), 0n);
  const members = told
    .map((one) => describeMember(one, leaderId, furthest, view))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const voters = members.filter(({ role }) => role !== "learner");
  const quorum = {
    voters: voters.length,
    answering: voters.filter(({ answers }) => answers).length,
    needed: Math.floor(voters.length / 2) + 1,
  };
  const encrypted = access.endpoints.every((url) => url.startsWith("https:"));
  const { user, ...reach } = access;
  const known = { kind, members, alarms, quorum, leader, encrypted };
  const symptoms = {
    ...known,
    own: (view.store?.members.length ?? 0) > 0 || kind === "embedded",
    spareMachines: spareMachines(view, members),
    ...(distrust === undefined ? {} : { distrust }),
    leavesLoopback: access.endpoints.some((url) => !/\/\/(127\.|localhost|\[::1\])/.test(url)),
  };
  return {
    ...known,
    clusterId,
    access: { ...reach, user: user?.name ?? null },
    revision: highest(told.map(({ status }) => status?.header.revision)),
    compactRevision: compactRevisionOf(told),
    problems: [...diagnose(symptoms)],
  };
}

function describeMember(
  { member, status, gauges }: Told,
  leader: bigint | undefined,
  furthest: bigint,
  view: ClusterView,
): StoreMemberStatus {
  const own = view.store?.members.find(({ peerUrl }) => member.peerUrls.includes(peerUrl));
  return {
    id: formatId(member.id),
    name: own?.name ?? member.name,
    machine: own?.machine ?? null,
    role: roleOf(member, status, leader),
    clientUrls: [...member.clientUrls],
    peerUrls: [...member.peerUrls],
    answers: status !== undefined,
    version: status?.version ?? null,
    dbBytes: status?.dbSize ?? null,
    dbBytesInUse: status?.dbSizeInUse ?? null,
    quotaBytes: gauges.get("etcd_server_quota_backend_bytes") ?? null,
    lag: status === undefined ? null : Number(furthest - status.raftAppliedIndex),
    errors: [...(status?.errors ?? [])],
  };
}

function roleOf(
  member: Member,
  status: MemberStatus | undefined,
  leader: bigint | undefined,
): StoreMemberStatus["role"] {
  if (member.isLearner) return "learner";
  if (leader !== undefined && member.id === leader) return "leader";
  return status === undefined ? "unknown" : "follower";
}

/** Machines that are present and have no member. */
function spareMachines(view: ClusterView, members: readonly StoreMemberStatus[]): readonly string[] {
  const taken = new Set(members.flatMap(({ machine }) => machine ?? []));
  return [...view.machines.values()]
    .filter(({ id, hasStore }) => !taken.has(id) && (view.store !== undefined || !hasStore))
    .map(({ name }) => name)
    .sort();
}

function compactRevisionOf(told: readonly Told[]): string | null {
  const revisions = told.flatMap(({ gauges }) => gauges.get("etcd_debugging_mvcc_compact_revision") ?? []);
  return revisions.length === 0 ? null : String(Math.max(0, ...revisions));
}

function highest(revisions: readonly (bigint | undefined)[]): string | null {
  const known = revisions.flatMap((revision) => revision ?? []);
  return known.length === 0 ? null : String(known.reduce(bigger));
}

function bigger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
