/** `flotilla store status`: the store on one screen, unhealthy first. */
import type { StoreMemberStatus, StoreProblem, StoreStatus } from "#model/store-status.ts";
import type { CommandContext } from "./command.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";
import type { Look, Paint } from "./terminal/style.ts";
import { type Column, formatTable } from "./terminal/table.ts";

/** 1 when something has failed, so that scripts see it. */
export async function status({ io, format, paint, client }: CommandContext): Promise<number> {
  const found = await (await client()).store(io.signal);
  if (isData(format)) await showData(io.stdout, found, format);
  else writeLines(io.stdout, describe(found, paint));
  return found.problems.some(({ grade }) => grade === "failure") ? 1 : 0;
}

function describe(found: StoreStatus, paint: Paint): readonly string[] {
  const members = formatTable(MEMBER_COLUMNS, found.members, { legend: true, paint });
  return [
    ...facts(found).map(([name, value]) => `${`${name}:`.padEnd(12)} ${value}`),
    "",
    ...members,
    ...found.problems.flatMap((problem) => ["", ...describeProblem(problem, paint)]),
  ];
}

function facts(found: StoreStatus): readonly (readonly [string, string])[] {
  const { kind, clusterId, access, encrypted, revision, compactRevision, quorum, alarms } = found;
  const { caFile, certFile, keyFile } = access.tls ?? {};
  const forgotten =
    compactRevision === null || compactRevision === "0" ? "" : `, history since ${compactRevision}`;
  const all: readonly (readonly [string, string | undefined])[] = [
    ["Store", kind === "embedded" ? "embedded, on one machine" : "etcd"],
    ["Cluster ID", clusterId ?? "unknown while nobody answers"],
    ["Endpoints", access.endpoints.join(",")],
    ["Connections", encrypted ? "TLS" : "not encrypted"],
    ["CA", caFile],
    ["Certificate", certFile],
    ["Key", keyFile],
    ["User", access.user ?? undefined],
    ["Revision", revision === null ? "unknown" : `${revision}${forgotten}`],
    ["Quorum", `${quorum.answering} of ${quorum.voters} answer, ${quorum.needed} needed`],
    ["Alarms", alarms.length === 0 ? "none" : describeAlarms(found)],
  ];
  return all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

function describeAlarms({ alarms, members }: StoreStatus): string {
  const nameOf = (id: string): string => members.find((member) => member.id === id)?.name ?? id;
  return alarms.map(({ member, alarm }) => `${alarm} on ${nameOf(member)}`).join(", ");
}

const MEMBER_COLUMNS: readonly Column<StoreMemberStatus>[] = [
  { field: "member", value: ({ name }) => name || "(not started)" },
  { field: "id", value: ({ id }) => id },
  {
    field: "role",
    value: ({ role }) => role,
    look: ({ role }) => (role === "learner" ? "yellow" : undefined),
  },
  {
    field: "state",
    value: ({ answers }) => (answers ? "answers" : "does not answer"),
    look: ({ answers }) => (answers ? "green" : "red"),
  },
  { field: "version", value: ({ version }) => version ?? "" },
  { field: "size", value: ({ dbBytes }) => formatBytes(dbBytes) },
  { field: "used", value: ({ dbBytesInUse }) => formatBytes(dbBytesInUse) },
  { field: "quota", value: ({ quotaBytes }) => (quotaBytes === 0 ? "none" : formatBytes(quotaBytes)) },
  { field: "behind", value: ({ lag }) => (lag === null ? "" : String(lag)) },
  { field: "url", value: ({ clientUrls }) => clientUrls.join(",") },
];

const MIB = 1024 * 1024;

function formatBytes(bytes: number | null): string {
  if (bytes === null) return "";
  return bytes < 10 * MIB ? `${Math.ceil(bytes / 1024)}K` : `${Math.round(bytes / MIB)}M`;
}

const LOOKS: Readonly<Record<StoreProblem["grade"], Look>> = {
  failure: "red",
  danger: "yellow",
  advice: "dim",
};

function describeProblem({ grade, message, commands }: StoreProblem, paint: Paint): readonly string[] {
  return [`${paint(LOOKS[grade], grade)}: ${message}`, ...commands.map((command) => `  type: ${command}`)];
}
