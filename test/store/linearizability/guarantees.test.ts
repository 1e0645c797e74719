import { describe, expect, test } from "vitest";
import { type Batch, disagreements, orderFaults, reliabilityFaults, revisionFaults } from "./guarantees.ts";
import type { Call } from "./history.ts";

const event = (key: string, revision: bigint, value?: string) => ({ key, revision, value });

function put(key: string, value: string, revision: bigint, [startMs, endMs] = [0, 1]): Call {
  return { key, startMs, endMs, operation: { kind: "put", value }, answer: { kind: "put", revision } };
}

function remove(key: string, revision: bigint, deleted: boolean): Call {
  const answer = { kind: "delete", revision, deleted } as const;
  return { key, startMs: 0, endMs: 1, operation: { kind: "delete" }, answer };
}

function unanswered(key: string, value: string): Call {
  return {
    key,
    startMs: 0,
    endMs: Number.POSITIVE_INFINITY,
    operation: { kind: "put", value },
    answer: undefined,
  };
}

describe("revisions", () => {
  test("may be in any order while calls overlap", () => {
    expect(revisionFaults([put("a", "1", 3n, [0, 10]), put("b", "1", 2n, [5, 15])])).toEqual([]);
  });

  test("must grow from one key to another when one call begins after the other has ended", () => {
    const faults = revisionFaults([put("a", "1", 3n, [0, 4]), put("b", "1", 2n, [5, 15])]);
    expect(faults).toEqual(["b: revision 2 was given after 3 had been"]);
  });

  test("must not be used twice", () => {
    expect(revisionFaults([put("a", "1", 3n, [0, 4]), put("b", "1", 3n, [5, 6])]).length).toBe(1);
  });
});

describe("the order of a watch", () => {
  test.each<[string, Batch[], number]>([
    ["is right when whole revisions grow", [[event("a", 2n), event("b", 2n)], [event("a", 3n)]], 0],
    ["is wrong when a revision is split over batches", [[event("a", 2n)], [event("b", 2n)]], 1],
    ["is wrong when it goes back within a batch", [[event("a", 3n), event("a", 2n)]], 1],
    ["is wrong when it goes back from batch to batch", [[event("a", 3n)], [event("b", 2n)]], 1],
    ["is wrong when an event comes twice in a batch", [[event("a", 3n), event("a", 3n)]], 1],
    ["is wrong when a batch comes twice", [[event("a", 3n)], [event("a", 3n)]], 1],
  ])("%s", (_, batches, count) => {
    expect(orderFaults(batches).length).toBe(count);
  });
});

describe("what a watch tells", () => {
  test("is every write that was answered, and of the others any", () => {
    const calls = [put("a", "1", 2n), unanswered("a", "2"), unanswered("a", "3"), remove("a", 4n, true)];
    const batches = [[event("a", 2n, "1")], [event("a", 3n, "3"), event("a", 4n)]];
    expect(reliabilityFaults(batches, calls)).toEqual([]);
  });

  test("may be nothing of a deletion that found nothing", () => {
    expect(reliabilityFaults([], [remove("a", 2n, false)])).toEqual([]);
  });

  test.each<[string, Batch[], Call[], string]>([
    ["lacks a write", [], [put("a", "1", 2n)], "a@2 was answered and not told of"],
    [
      "has a write at another revision",
      [[event("a", 3n, "1")]],
      [put("a", "1", 2n)],
      "a@3 was told of and never written",
    ],
    ["has another value", [[event("a", 2n, "9")]], [put("a", "1", 2n)], "a@2 was told of with another value"],
    [
      "has what nobody wrote",
      [[event("a", 2n, "9")]],
      [unanswered("a", "1")],
      "a@2 was told of and never written",
    ],
    [
      "has a deletion that nobody asked for",
      [[event("a", 2n)]],
      [unanswered("a", "1")],
      "a@2 was told of and never written",
    ],
  ])("is wrong when it %s", (_, batches, calls, fault) => {
    expect(reliabilityFaults(batches, calls)).toContain(fault);
  });
});

test("two watches agree when they tell the same in whatever batches", () => {
  const [a, b, c] = [event("a", 2n, "1"), event("a", 3n, "2"), event("b", 4n)];
  expect(disagreements([[a], [b, c]], [[a, b], [c]])).toEqual([]);
  expect(disagreements([[a], [b, c]], [[a], [c]])).toEqual([
    "one watch has a@3=2 where another has b@4=undefined",
  ]);
  expect(disagreements([[a]], [[a], [b]])).toEqual(["one watch has undefined where another has a@3=2"]);
});
