/** Whether a change of members is safe. Pure. */
import { FlotillaError } from "#base/errors.ts";
import type { StoreMemberStatus, StoreStatus } from "#model/store-status.ts";

/** So many more losses than one are not worth what each write then costs. */
const MEMBERS_MAX = 7;

function voters({ members }: Pick<StoreStatus, "members">): readonly StoreMemberStatus[] {
  return members.filter(({ role }) => role !== "learner");
}

/** How many voters of so many must answer. */
export function neededOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** @throws FlotillaError `conflict` where another member would do no good or cannot be had now. */
export function checkAdding(status: StoreStatus): void {
  const { quorum } = status;
  if (quorum.answering < quorum.needed) throw quorumLost(status);
  if (quorum.voters >= MEMBERS_MAX) {
    throw new FlotillaError("limit-exceeded", `the store has ${quorum.voters} members, which is enough`, {
      hint: "every write waits for more than half of the members; three or five are usual",
    });
  }
}

/** @throws FlotillaError `conflict` where the rest could decide nothing any more. */
export function checkRemoving(id: string, status: StoreStatus): void {
  const member = status.members.find((one) => one.id === id);
  if (member === undefined || member.role === "learner") return;
  if (status.quorum.answering < status.quorum.needed) throw quorumLost(status);
  const rest = voters(status).filter((one) => one.id !== id);
  if (rest.length === 0) {
    throw new FlotillaError("conflict", `${member.name} is the only member; without it there is no store`, {
      hint: "give it a companion first: flotilla store add MACHINE",
    });
  }
  const answering = rest.filter(({ answers }) => answers).length;
  const needed = neededOf(rest.length);
  if (answering >= needed) return;
  const silent = rest.filter(({ answers }) => !answers).map(({ name }) => name);
  throw new FlotillaError(
    "conflict",
    `without ${member.name} the store would lose its quorum: of the ${rest.length} members left ${answering} answer, ${needed} are needed`,
    {
      causes: silent.map((name) => `${name} does not answer`),
      hint: `remove or replace ${silent.join(", ")} first, or bring ${silent.length === 1 ? "it" : "them"} back`,
    },
  );
}

/** What to say of the number of members after a change; undefined where there is nothing to say. */
export function adviceOn(count: number): string | undefined {
  if (count === 1) return "one member survives no loss; three survive the loss of one";
  if (count % 2 === 1) return undefined;
  return `${count} members survive no more losses than ${count - 1}; an odd number is better`;
}

function quorumLost({ quorum }: Pick<StoreStatus, "quorum">): FlotillaError {
  return new FlotillaError(
    "store-unavailable",
    `the store has no quorum: ${quorum.answering} of ${quorum.voters} members answer, ${quorum.needed} are needed`,
    { hint: "flotilla store status shows which, and what to do", retryable: true },
  );
}
