/**
 * What is wrong with a store, or could be better, and what to type about it. Pure.
 *
 * Whoever reads this stands before a cluster that does not work: the first problem is the one to begin with, and each
 * says which commands help.
 */
import type { StoreMemberStatus, StoreProblem, StoreStatus } from "#model/store-status.ts";
import { type Distrust, problemOfDistrust } from "./distrust.ts";

/** All that a diagnosis goes by. */
export type Symptoms = Pick<
  StoreStatus,
  "kind" | "members" | "alarms" | "quorum" | "leader" | "encrypted"
> & {
  /** Whether Flotilla runs the members; of others it can say what is wrong, but not what to type. */
  readonly own: boolean;
  /** Names of machines that have no member and are present. */
  readonly spareMachines: readonly string[];
  /** Where plain connections leave the computer. */
  readonly leavesLoopback: boolean;
  /** Where nobody answers. */
  readonly distrust?: Distrust;
};

/** A store this full is worth a word before its quota is reached. */
const NEARLY_FULL = 0.8;
/** Entries of the log; etcd itself takes a learner for in sync when it has nine tenths of the leader's. */
const LAG_MAX = 1_000;

/** Failures first, then dangers, then advice. */
export function diagnose(symptoms: Symptoms): readonly StoreProblem[] {
  return [
    ...lostQuorum(symptoms),
    ...deadMembers(symptoms),
    ...noLeader(symptoms),
    ...alarms(symptoms),
    ...complaints(symptoms),
    ...learners(symptoms),
    ...nearlyFull(symptoms),
    ...lagging(symptoms),
    ...versions(symptoms),
    ...numbers(symptoms),
    ...plainTraffic(symptoms),
  ];
}

function voters({ members }: Symptoms): readonly StoreMemberStatus[] {
  return members.filter(({ role }) => role !== "learner");
}

function silent(symptoms: Symptoms): readonly StoreMemberStatus[] {
  return symptoms.members.filter(({ answers }) => !answers);
}

function lostQuorum(symptoms: Symptoms): StoreProblem[] {
  const { quorum, kind, distrust } = symptoms;
  if (quorum.answering >= quorum.needed) return [];
  const distrusted = distrust === undefined ? undefined : problemOfDistrust(distrust);
  if (distrusted !== undefined) return [distrusted];
  if (kind === "embedded") {
    return [
      {
        grade: "failure",
        message: "the machine with the store does not answer: nothing can be changed, what runs runs on",
        commands: [
          "systemctl start flotilla  # on that machine",
          "journalctl -u flotilla  # if it does not stay up",
        ],
      },
    ];
  }
  const names = silent(symptoms).map(nameOf);
  const missing = quorum.needed - quorum.answering;
  const message =
    `quorum is lost: ${quorum.answering} of ${quorum.voters} members answer, ${quorum.needed} are needed. Nothing can ` +
    `be changed, what runs runs on. All goes on by itself when ${missing} of ${names.join(", ")} can be reached again: ` +
    "switch the machines on, look at the network between them, start what is stopped there. A backup is the last step, " +
    "for members that are gone for good: what was changed after it is lost";
  return [{ grade: "failure", message, commands: backToQuorum(symptoms, names) }];
}

/** In the order in which they are to be tried. */
function backToQuorum({ own }: Symptoms, names: readonly string[]): string[] {
  const there = `on ${names.join(", ")}`;
  if (!own) {
    return [
      "etcdctl endpoint health --cluster",
      `systemctl start etcd  # ${there}`,
      "etcdctl snapshot restore FILE  # only if they are gone for good",
    ];
  }
  return [
    `systemctl start flotilla  # ${there}: it starts the member, too`,
    `journalctl -u flotilla -u 'flotilla-etcd@*'  # ${there}, if it does not stay up`,
    "flotilla store restore FILE --force  # only if they are gone for good",
  ];
}

function deadMembers(symptoms: Symptoms): StoreProblem[] {
  const { quorum, own, spareMachines } = symptoms;
  if (quorum.answering < quorum.needed) return [];
  const left = quorum.answering - quorum.needed;
  return silent(symptoms).map((member) => ({
    grade: "danger",
    message: `member ${nameOf(member)} does not answer; ${margin(left)}. If its machine does not come back, replace or remove it`,
    commands: own
      ? [
          `flotilla store replace ${nameOf(member)} ${spareMachines[0] ?? "MACHINE"}`,
          `flotilla store remove ${nameOf(member)}`,
        ]
      : [`etcdctl member remove ${member.id}`],
  }));
}

function margin(left: number): string {
  if (left === 0) return "when one more is lost, nothing can be changed any more";
  return `${left} more may be lost`;
}

/** Members that answer and have agreed on no leader: they do not reach each other. */
function noLeader({ quorum, leader, kind }: Symptoms): StoreProblem[] {
  if (kind === "embedded" || leader !== null || quorum.answering < quorum.needed) return [];
  return [
    {
      grade: "failure",
      message:
        "the members answer but have no leader: they do not reach each other on their peer addresses, or are about to elect one",
      commands: ["flotilla store status", "flotilla journal -n 50 'flotilla-etcd@*'"],
    },
  ];
}

function alarms({ alarms: raised, members, kind, own }: Symptoms): StoreProblem[] {
  const who = (alarm: string): string =>
    raised
      .filter((one) => one.alarm === alarm)
      .map(({ member }) => nameOf(members.find(({ id }) => id === member) ?? { id: member, name: "" }))
      .join(", ");
  const full = who("nospace");
  const corrupt = who("corrupt");
  const problems: StoreProblem[] = [];
  if (full !== "") {
    problems.push({
      grade: "failure",
      message: `the space quota of ${full} is used up (alarm NOSPACE): only deleting works. Delete what is not needed, then free its space and clear the alarm`,
      commands: ["flotilla kv list --fields key,bytes", "flotilla store defrag"],
    });
  }
  if (corrupt !== "") {
    problems.push({
      grade: "failure",
      message: `the data of ${corrupt} differs from the others' (alarm CORRUPT)`,
      commands:
        own && kind === "etcd"
          ? [`flotilla store replace ${corrupt} MACHINE`]
          : ["flotilla store restore FILE --force"],
    });
  }
  return problems;
}

/** What members say of themselves, the alarms apart, which have a problem of their own. */
function complaints({ members }: Symptoms): StoreProblem[] {
  return members.flatMap((member) =>
    member.errors
      .filter((error) => !/NOSPACE|CORRUPT|no leader/.test(error))
      .map((error) => ({
        grade: "danger" as const,
        message: `member ${nameOf(member)} says: ${error}`,
        commands: [],
      })),
  );
}

function learners({ members, own }: Symptoms): StoreProblem[] {
  return members
    .filter(({ role }) => role === "learner")
    .map((member) => ({
      grade: "danger" as const,
      message: `member ${nameOf(member)} has no vote yet: it is still taking over what there is, or whoever added it was interrupted`,
      commands: own ? [`flotilla store add ${nameOf(member)}`] : [`etcdctl member promote ${member.id}`],
    }));
}

function nearlyFull({ members, alarms: raised }: Symptoms): StoreProblem[] {
  if (raised.some(({ alarm }) => alarm === "nospace")) return [];
  const full = members.filter(
    ({ dbBytes, quotaBytes }) =>
      dbBytes !== null && quotaBytes !== null && quotaBytes > 0 && dbBytes > NEARLY_FULL * quotaBytes,
  );
  if (full.length === 0) return [];
  return [
    {
      grade: "danger",
      message: `the store of ${full.map(nameOf).join(", ")} has used more than ${100 * NEARLY_FULL}% of its quota; at 100% only deleting works`,
      commands: ["flotilla store defrag"],
    },
  ];
}

function lagging(symptoms: Symptoms): StoreProblem[] {
  return voters(symptoms)
    .filter(({ lag }) => lag !== null && lag > LAG_MAX)
    .map((member) => ({
      grade: "danger",
      message: `member ${nameOf(member)} is ${member.lag} entries behind the leader: its disk or its network is slow`,
      commands: [],
    }));
}

function versions({ members }: Symptoms): StoreProblem[] {
  const found = [...new Set(members.flatMap(({ version }) => (version === null ? [] : [version])))].sort();
  if (found.length < 2) return [];
  const each = members.map((member) => `${nameOf(member)} ${member.version ?? "unknown"}`).join(", ");
  return [
    {
      grade: "advice",
      message: `members run different versions (${each}): bring them to the same one, a machine at a time`,
      commands: [
        "apt-get install etcd-server  # on each machine",
        "flotilla restart flotilla-etcd@NAME  # for each",
      ],
    },
  ];
}

function numbers(symptoms: Symptoms): StoreProblem[] {
  const { kind, own, spareMachines, quorum } = symptoms;
  // There are other worries, and nothing can be changed.
  if (quorum.answering < quorum.needed) return [];
  const count = voters(symptoms).length;
  const [spare] = spareMachines;
  if (kind === "embedded") {
    if (spareMachines.length < 2) return [];
    return [
      {
        grade: "advice",
        message:
          "the store is on one machine: while it is away, nothing can be changed. With three machines etcd survives the loss of one",
        commands: [
          "flotilla store promote",
          ...spareMachines.slice(0, 2).map((name) => `flotilla store add ${name}`),
        ],
      },
    ];
  }
  if (count % 2 === 1 && count > 1) return [];
  const message =
    count === 1
      ? "one member survives no loss; three survive the loss of one"
      : `${count} members survive no more losses than ${count - 1}, and are more to lose: an odd number is better`;
  const add = spare === undefined ? [] : [`flotilla store add ${spare}`];
  return [{ grade: "advice", message, commands: own ? add : [] }];
}

function plainTraffic({ encrypted, leavesLoopback }: Symptoms): StoreProblem[] {
  if (encrypted || !leavesLoopback) return [];
  return [
    {
      grade: "advice",
      message:
        "connections to the store are not encrypted, and whoever reaches its ports can change everything: keep them off other networks",
      commands: [],
    },
  ];
}

function nameOf({ name, id }: Pick<StoreMemberStatus, "name" | "id">): string {
  return name === "" ? id : name;
}
