import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "./checker.ts";
import type { Answer, Call, Operation, Register } from "./history.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** A call from its times, what it asked and what it was answered. */
function call(startMs: number, endMs: number, operation: Operation, answer?: Answer): Call {
  return { key: "k", startMs, endMs, operation, answer };
}

const put = (startMs: number, endMs: number, value: string, revision: bigint): Call =>
  call(startMs, endMs, { kind: "put", value }, { kind: "put", revision });
const lostPut = (startMs: number, value: string): Call => call(startMs, NEVER, { kind: "put", value });
const remove = (startMs: number, endMs: number, revision: bigint, deleted = true): Call =>
  call(startMs, endMs, { kind: "delete" }, { kind: "delete", revision, deleted });
const lostDelete = (startMs: number): Call => call(startMs, NEVER, { kind: "delete" });
const get = (startMs: number, endMs: number, register: Register): Call =>
  call(startMs, endMs, { kind: "get" }, { kind: "get", register });
const swap = (
  [startMs, endMs]: readonly [number, number],
  expected: bigint,
  value: string,
  [revision, swapped]: readonly [bigint, boolean],
): Call => call(startMs, endMs, { kind: "swap", expected, value }, { kind: "swap", revision, swapped });
const lostSwap = (startMs: number, expected: bigint, value: string): Call =>
  call(startMs, NEVER, { kind: "swap", expected, value });
const at = (value: string, modRevision: bigint): Register => ({ value, modRevision });

describe("a history is linearizable", () => {
  test.each<[string, Call[]]>([
    ["with no calls", []],
    [
      "one after the other",
      [put(0, 1, "a", 2n), get(2, 3, at("a", 2n)), remove(4, 5, 3n), get(6, 7, undefined)],
    ],
    ["when a read sees a write that has not ended", [put(0, 10, "a", 2n), get(1, 2, at("a", 2n))]],
    ["when a read misses a write that has not ended", [put(0, 10, "a", 2n), get(1, 2, undefined)]],
    [
      "when writes at the same time take effect in the other order",
      [put(0, 10, "a", 3n), put(1, 9, "b", 2n), get(11, 12, at("a", 3n))],
    ],
    [
      "when an unanswered write never took effect",
      [put(0, 1, "a", 2n), lostPut(2, "b"), get(3, 4, at("a", 2n))],
    ],
    [
      "when an unanswered write took effect long after",
      [put(0, 1, "a", 2n), lostPut(2, "b"), get(3, 4, at("a", 2n)), get(50, 51, at("b", 3n))],
    ],
    [
      "when an unanswered deletion explains why a key is missing",
      [put(0, 1, "a", 2n), lostDelete(2), get(3, 4, undefined)],
    ],
    [
      "when one of two swaps from the same revision wins",
      [put(0, 1, "a", 2n), swap([2, 5], 2n, "b", [3n, true]), swap([2, 5], 2n, "c", [3n, false])],
    ],
    [
      "when a swap fails because an unanswered one won",
      [put(0, 1, "a", 2n), lostSwap(2, 2n, "b"), swap([3, 4], 2n, "c", [3n, false]), get(5, 6, at("b", 3n))],
    ],
    ["when a swap creates the key", [swap([0, 1], 0n, "a", [2n, true]), get(2, 3, at("a", 2n))]],
  ])("%s", (_, history) => {
    expect(check(history)).toMatchObject({ linearizable: true });
  });
});

describe("a history is not linearizable", () => {
  test.each<[string, Call[]]>([
    ["when a read is stale", [put(0, 1, "a", 2n), put(2, 3, "b", 3n), get(4, 5, at("a", 2n))]],
    ["when an answered write is lost", [put(0, 1, "a", 2n), get(2, 3, undefined)]],
    ["when a value comes from nowhere", [put(0, 1, "a", 2n), get(2, 3, at("z", 2n))]],
    ["when a read names another revision than the write", [put(0, 1, "a", 2n), get(2, 3, at("a", 9n))]],
    [
      "when reads go back while a write is under way",
      [put(0, 1, "a", 2n), put(2, 20, "b", 3n), get(3, 4, at("b", 3n)), get(5, 6, at("a", 2n))],
    ],
    [
      "when two swaps from the same revision both win",
      [put(0, 1, "a", 2n), swap([2, 5], 2n, "b", [3n, true]), swap([2, 5], 2n, "c", [4n, true])],
    ],
    ["when a swap fails without a reason", [put(0, 1, "a", 2n), swap([2, 3], 2n, "b", [2n, false])]],
    ["when a key that was not there is deleted", [remove(0, 1, 2n)]],
    ["when a deletion finds nothing though the key stands", [put(0, 1, "a", 2n), remove(2, 3, 2n, false)]],
    [
      "when an unanswered write is seen and then undone",
      [put(0, 1, "a", 2n), lostPut(2, "b"), get(3, 4, at("b", 3n)), get(5, 6, at("a", 2n))],
    ],
    ["when revisions go back", [put(0, 1, "a", 5n), put(2, 3, "b", 4n)]],
    ["when an unanswered write is seen before it was asked for", [get(0, 1, at("a", 2n)), lostPut(2, "a")]],
  ])("%s", (_, history) => {
    expect(check(history)).toMatchObject({ linearizable: false });
  });
});

test("where the search is stuck is told", () => {
  const stale = get(4, 5, at("a", 2n));
  expect(check([put(0, 1, "a", 2n), put(2, 3, "b", 3n), stale])).toEqual({
    linearizable: false,
    stuckAt: [stale],
  });
});

interface Planned {
  readonly operation: "put" | "delete" | "get" | "swap" | "stale swap";
  /** How long before and after its moment the call begins and ends; the answer may be lost. */
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly lost: boolean;
}

/** What a right register answers when each call takes effect at its own moment. */
function simulate(plan: readonly Planned[]): Call[] {
  let register: Register;
  let revision = 1n;
  return plan.map(({ operation, beforeMs, afterMs, lost }, moment) => {
    const value = `v${moment}`;
    const write = (): bigint => {
      revision += 1n;
      register = { value, modRevision: revision };
      return revision;
    };
    const last = register?.modRevision ?? 0n;
    const carriedOut = (): [Operation, Answer] => {
      switch (operation) {
        case "put":
          return [
            { kind: "put", value },
            { kind: "put", revision: write() },
          ];
        case "get":
          return [{ kind: "get" }, { kind: "get", register }];
        case "delete": {
          const deleted = register !== undefined;
          if (deleted) revision += 1n;
          register = undefined;
          return [{ kind: "delete" }, { kind: "delete", revision, deleted }];
        }
        case "swap":
          return [
            { kind: "swap", expected: last, value },
            { kind: "swap", revision: write(), swapped: true },
          ];
        case "stale swap":
          return [
            { kind: "swap", expected: last + 1_000n, value },
            { kind: "swap", revision, swapped: false },
          ];
      }
    };
    const [asked, answer] = carriedOut();
    const startMs = moment * 10 - beforeMs;
    return lost ? call(startMs, NEVER, asked) : call(startMs, moment * 10 + afterMs, asked, answer);
  });
}

const plan = fc.array(
  fc.record<Planned>({
    operation: fc.constantFrom("put", "delete", "get", "swap", "stale swap"),
    beforeMs: fc.integer({ min: 0, max: 60 }),
    afterMs: fc.integer({ min: 1, max: 60 }),
    lost: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
  }),
  { maxLength: 60 },
);

test("whatever a right register answers is found to be right, and in the order found every answer fits", () => {
  fc.assert(
    fc.property(plan, (planned) => {
      const verdict = check(simulate(planned));
      expect(verdict.linearizable).toBe(true);
      if (verdict.linearizable) expect(check(verdict.order).linearizable).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("a read of what was overwritten before it began is found out in any history", () => {
  fc.assert(
    fc.property(plan, (planned) => {
      const history = simulate(planned);
      const end = planned.length * 10 + 1_000;
      const next = BigInt(planned.length) + 10n;
      const tail = [
        put(end, end + 1, "old", next),
        put(end + 2, end + 3, "new", next + 1n),
        get(end + 4, end + 5, at("old", next)),
      ];
      expect(check([...history, ...tail]).linearizable).toBe(false);
    }),
    { numRuns: 100 },
  );
});
