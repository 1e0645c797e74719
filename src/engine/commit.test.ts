import { describe, expect, test } from "vitest";
import { keys, parseKey } from "#model/keys.ts";
import { clusterEventSchema } from "#model/records.ts";
import type { ClusterStep } from "#plan/cluster-plan.ts";
import { toText } from "#store/keys.ts";
import { ifModRevision } from "#store/ops.ts";
import type { TxnRequest } from "#store/store.ts";
import { type CommitContext, toTransactions } from "./commit.ts";

const FILE = "f".repeat(64);
const M1 = "1".repeat(32);
const M2 = "2".repeat(32);

function assign(unit: string, machine: string, from?: string): ClusterStep {
  const assignment = { file: FILE, desired: "launched", launch: 1, reason: "r", assignedMs: 0 } as const;
  return {
    kind: "assign",
    unit,
    machine,
    assignment,
    reason: "it fits",
    ...(from === undefined ? {} : { from }),
  };
}

function unassign(unit: string, machine: string): ClusterStep {
  return { kind: "unassign", unit, machine, reason: "not wanted" };
}

let events = 0;
const CONTEXT: CommitContext = {
  seatGuard: ifModRevision(keys.engine(), 7n),
  modRevision: (key) => (key.endsWith("new.service") ? undefined : 5n),
  machineName: (machine) => `m${machine[0]}`,
  isAssigned: () => false,
  nowMs: 1_000,
  eventId: () => String(events++),
};

function commit(...steps: readonly ClusterStep[]): readonly TxnRequest[] {
  return toTransactions(steps, CONTEXT);
}

function writes({ success }: TxnRequest): readonly string[] {
  return success.map((operation) => {
    if (operation.kind !== "put" && operation.kind !== "delete-range") throw new Error(operation.kind);
    const { kind, first, second } = parseKey(toText(operation.request.key)) ?? {};
    if (kind === "event" && operation.kind === "put")
      return clusterEventSchema.parse(JSON.parse(toText(operation.request.value))).message;
    return `${operation.kind} ${kind}/${first?.slice(0, 1)}/${second}`;
  });
}

function guards({ compare }: TxnRequest): readonly string[] {
  return compare.map((guard) => `${toText(guard.key).split("/")[3]} ${guard.target} ${guard.result}`);
}

describe("toTransactions", () => {
  test("nothing to do is no transaction", () => {
    expect(commit()).toEqual([]);
  });

  test("a placement is one assignment and the event that tells of it", () => {
    const [transaction] = commit(assign("a.service", M1));
    expect(transaction && writes(transaction)).toEqual([
      "put assignment/1/a.service",
      "a.service placed on m1: it fits",
    ]);
  });

  test("every transaction holds while the seat, the unit's record and its machine do", () => {
    const [transaction] = commit(assign("a.service", M1));
    expect(transaction && guards(transaction)).toEqual([
      "engine mod equal",
      "unit mod equal",
      "machine create greater",
    ]);
  });

  test("a unit that was not there when the plan was made must still not be", () => {
    const [transaction] = commit(unassign("new.service", M1));
    expect(transaction && guards(transaction)).toEqual(["engine mod equal", "unit create equal"]);
  });

  test("a move leaves the old machine and reaches the new one in one transaction, and is told of once", () => {
    const moved = commit(assign("a.service", M2, M1));
    expect(moved.map(writes)).toEqual([
      [
        "put assignment/2/a.service",
        "a.service moved from m1 to m2: it fits",
        "delete-range assignment/1/a.service",
      ],
    ]);
  });

  test("a move off a lost machine holds while that machine is gone, one off a present machine always does", () => {
    const lost = { ...CONTEXT, modRevision: (key: string) => (key === keys.machine(M1) ? undefined : 5n) };
    const [off] = toTransactions([assign("a.service", M2, M1)], lost);
    expect(off && guards(off)).toEqual([
      "engine mod equal",
      "unit mod equal",
      "machine create greater",
      "machine create equal",
    ]);
    const [away] = commit(assign("a.service", M2, M1));
    expect(away && guards(away)).toEqual(["engine mod equal", "unit mod equal", "machine create greater"]);
  });

  test("a move that the plan also takes apart removes the old assignment once", () => {
    const [transaction] = commit(unassign("a.service", M1), assign("a.service", M2, M1));
    expect(transaction && writes(transaction).filter((write) => write.includes("assignment/1"))).toEqual([
      "delete-range assignment/1/a.service",
    ]);
  });

  test("a file is collected only if nobody has stored it again", () => {
    const [transaction] = commit({ kind: "collect-file", file: FILE, reason: "unused" });
    expect(transaction && guards(transaction)).toEqual(["engine mod equal", "file mod equal"]);
    expect(transaction && writes(transaction)).toEqual(["delete-range file/f/"]);
  });

  test("many steps are cut into transactions the store takes, and no unit is cut in two", () => {
    const steps = Array.from({ length: 200 }, (_, index) => assign(`u${index}.service`, M2, M1));
    const transactions = commit(...steps);
    expect(transactions.length).toBeGreaterThan(1);
    for (const { compare, success } of transactions) {
      expect(compare.length).toBeLessThanOrEqual(128);
      expect(success.length).toBeLessThanOrEqual(128);
      expect(success.length % 3).toBe(0);
    }
    expect(transactions.flatMap(writes).length).toBe(600);
  });
});
