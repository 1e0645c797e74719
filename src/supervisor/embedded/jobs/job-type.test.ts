import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ActiveState } from "../../supervisor.ts";
import {
  collapse,
  goesFirst,
  isConflicting,
  isRedundant,
  isSuperset,
  merge,
  mergeFor,
  type QueuedType,
  typeOfRequest,
} from "./job-type.ts";

const MERGING: readonly QueuedType[] = ["start", "verify-active", "stop", "reload", "restart"];
const STATES: readonly ActiveState[] = [
  "active",
  "reloading",
  "inactive",
  "failed",
  "activating",
  "deactivating",
];
const types = fc.constantFrom(...MERGING);
const states = fc.constantFrom(...STATES);

describe("two jobs of a unit", () => {
  test.each([
    ["start", "verify-active", "start"],
    ["start", "reload", "reload-or-start"],
    ["start", "restart", "restart"],
    ["verify-active", "reload", "reload"],
    ["verify-active", "restart", "restart"],
    ["reload", "restart", "restart"],
    ["stop", "start", undefined],
    ["stop", "verify-active", undefined],
    ["stop", "reload", undefined],
    ["stop", "restart", undefined],
  ] as const)("%s and %s are %s", (a, b, merged) => {
    expect(merge(a, b)).toBe(merged);
    expect(merge(b, a)).toBe(merged);
    expect(isConflicting(a, b)).toBe(merged === undefined);
  });

  test("of one type are one", () => {
    for (const type of MERGING) expect(merge(type, type)).toBe(type);
  });

  test("merge the same in either order, whatever the unit's state", () => {
    fc.assert(
      fc.property(types, types, states, (a, b, active) => {
        expect(merge(a, b)).toBe(merge(b, a));
        expect(mergeFor(active, a, b)).toBe(mergeFor(active, b, a));
      }),
    );
  });

  test("that both merge with a third one merge with each other", () => {
    fc.assert(
      fc.property(types, types, types, (a, b, c) => {
        if (merge(a, b) === undefined || merge(b, c) === undefined) return;
        expect(merge(a, c)).toBeDefined();
      }),
    );
  });

  test("three merge to the same whichever come first", () => {
    fc.assert(
      fc.property(types, types, types, states, (a, b, c, active) => {
        const first = mergeFor(active, a, b);
        const last = mergeFor(active, b, c);
        if (first === undefined || last === undefined) return;
        expect(mergeFor(active, first, c)).toBe(mergeFor(active, a, last));
      }),
    );
  });

  test("one that merges to itself covers the other", () => {
    expect(isSuperset("restart", "start")).toBe(true);
    expect(isSuperset("start", "restart")).toBe(false);
    expect(isSuperset("start", "verify-active")).toBe(true);
    expect(isSuperset("stop", "start")).toBe(false);
    expect(isSuperset("nop", "start")).toBe(false);
    expect(isSuperset("start", "nop")).toBe(true);
  });
});

test("types that depend on the unit's state become ones that can be queued", () => {
  expect(collapse("try-restart", "active")).toBe("restart");
  expect(collapse("try-restart", "activating")).toBe("nop");
  expect(collapse("try-reload", "reloading")).toBe("reload");
  expect(collapse("try-reload", "failed")).toBe("nop");
  expect(collapse("reload-or-start", "inactive")).toBe("start");
  expect(collapse("reload-or-start", "active")).toBe("reload");
  expect(collapse("stop", "active")).toBe("stop");
});

test("what is asked for depends on whether the unit can reload", () => {
  expect(typeOfRequest("reload-or-restart", true)).toBe("reload-or-start");
  expect(typeOfRequest("reload-or-restart", false)).toBe("restart");
  expect(typeOfRequest("reload-or-try-restart", true)).toBe("try-reload");
  expect(typeOfRequest("reload-or-try-restart", false)).toBe("try-restart");
  expect(typeOfRequest("start", true)).toBe("start");
});

test("a job is redundant where the unit is as it would have it, and a restart never is", () => {
  const redundant = (type: QueuedType): readonly ActiveState[] =>
    STATES.filter((active) => isRedundant(type, active));
  expect(redundant("start")).toEqual(["active", "reloading"]);
  expect(redundant("verify-active")).toEqual(["active", "reloading"]);
  expect(redundant("stop")).toEqual(["inactive", "failed"]);
  expect(redundant("reload")).toEqual(["reloading"]);
  expect(redundant("restart")).toEqual([]);
  expect(redundant("nop")).toEqual(STATES);
});

describe("of two jobs whose units are ordered", () => {
  const job = (type: QueuedType, ignoreOrder = false) => ({ type, ignoreOrder });

  test.each([
    ["start", "start", "first"],
    ["start", "stop", "second"],
    ["start", "restart", "second"],
    ["stop", "start", "first"],
    ["stop", "stop", "second"],
    ["restart", "start", "first"],
    ["reload", "verify-active", "first"],
    ["nop", "start", "either"],
    ["start", "nop", "either"],
  ] as const)("%s of the earlier and %s of the later: %s", (first, second, wanted) => {
    expect(goesFirst(job(first), job(second))).toBe(wanted);
  });

  test("either goes where one of them ignores the order", () => {
    expect(goesFirst(job("start", true), job("start"))).toBe("either");
    expect(goesFirst(job("start"), job("stop", true))).toBe("either");
  });
});
