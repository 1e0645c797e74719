import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "#model/limits.ts";
import type { DesiredState, UnitRecord, UnitState } from "#model/records.ts";
import {
  type Decision,
  decideDestroy,
  decideRestart,
  decideRetreat,
  decideSubmit,
  type SubmitWish,
  type UnitSituation,
} from "./unit-decisions.ts";

const FILE = { hash: "a".repeat(64), text: "a" };
const OTHER = { hash: "b".repeat(64), text: "b" };

const desired = fc.constantFrom<DesiredState>("inactive", "loaded", "launched");
const record: fc.Arbitrary<UnitRecord> = fc.record({
  file: fc.constantFrom(FILE.hash, OTHER.hash),
  desired,
  launch: fc.nat(100),
  changedMs: fc.constant(1),
  history: fc.constant([]),
});
const state: fc.Arbitrary<UnitState> = fc.record({
  load: fc.constant("loaded"),
  active: fc.constantFrom("active", "activating", "inactive", "failed", "deactivating"),
  sub: fc.constant("s"),
  result: fc.constant("success"),
  file: fc.constant(FILE.hash),
  launch: fc.nat(100),
  sinceMs: fc.constant(1),
  restarts: fc.constant(0),
});
const situation: fc.Arbitrary<UnitSituation> = fc.record({
  unit: fc.constant("web@1.service"),
  isTemplate: fc.constant(false),
  record: fc.option(record, { nil: undefined }),
  places: fc.array(
    fc.record({
      machine: fc.constant("m"),
      assignment: fc.constant(undefined),
      state: fc.option(state, { nil: undefined }),
    }),
    { maxLength: 3 },
  ),
  outcome: fc.constant(undefined),
  nowMs: fc.constant(5),
  revision: fc.bigInt(0n, 200n),
});
const wish: fc.Arbitrary<SubmitWish> = fc.record({
  desired: fc.option(desired, { nil: undefined }),
  replace: fc.boolean(),
  file: fc.constantFrom(FILE, OTHER, undefined),
});

/** The situation after the decision was carried out. */
function after(before: UnitSituation, decision: Decision): UnitSituation {
  if (decision.kind === "delete") return { ...before, record: undefined };
  return decision.kind === "write" ? { ...before, record: decision.record } : before;
}

describe("a submit", () => {
  test("that is repeated at once changes nothing", () => {
    fc.assert(
      fc.property(situation, wish, (before, asked) => {
        const first = decideSubmit(before, asked);
        if (first.kind === "refused") return;
        expect(decideSubmit(after({ ...before, places: [] }, first), asked).kind).toBe("unchanged");
      }),
    );
  });

  test("never lowers a launch, and raises it beyond the store's revision when it does", () => {
    fc.assert(
      fc.property(situation, wish, (before, asked) => {
        const decision = decideSubmit(before, asked);
        if (decision.kind !== "write") return;
        const old = before.record?.launch ?? 0;
        const { launch } = decision.record;
        expect(launch).toBeGreaterThanOrEqual(old);
        if (launch > old) expect(BigInt(launch)).toBeGreaterThanOrEqual(before.revision);
      }),
    );
  });

  test("replaces no file without being told to, and keeps what it replaces", () => {
    fc.assert(
      fc.property(situation, wish, (before, asked) => {
        const decision = decideSubmit(before, asked);
        if (decision.kind !== "write" || before.record === undefined) return;
        if (decision.record.file === before.record.file) return;
        expect(asked.replace).toBe(true);
        expect(decision.record.history[0]?.file).toBe(before.record.file);
        expect(decision.file?.hash).toBe(decision.record.file);
      }),
    );
  });

  test("remembers no more files than the limit", () => {
    const history = Array.from({ length: LIMITS.unitHistory }, () => ({ file: OTHER.hash, replacedMs: 1 }));
    const before = situated({ history, desired: "inactive" });
    const decision = decideSubmit(before, { desired: undefined, replace: true, file: OTHER });
    expect(decision.kind === "write" ? decision.record.history.length : 0).toBe(LIMITS.unitHistory);
  });
});

function situated(changes: Partial<UnitRecord> | undefined): UnitSituation {
  const known: UnitRecord = {
    file: FILE.hash,
    desired: "launched",
    launch: 3,
    changedMs: 1,
    history: [],
    ...changes,
  };
  return {
    unit: "web.service",
    isTemplate: false,
    record: changes === undefined ? undefined : known,
    places: [],
    outcome: undefined,
    nowMs: 5,
    revision: 0n,
  };
}

function told(decision: Decision): string {
  if (decision.kind === "refused") return decision.error.code;
  return decision.kind === "write" ? `${decision.record.desired} ${decision.record.launch}` : decision.kind;
}

test.each([
  ["active", 0, "refused"],
  ["activating", 0, "refused"],
  // It is on its way down from a launch of ours.
  ["active", 3, "unchanged"],
  ["deactivating", 0, "unchanged"],
  ["inactive", 0, "unchanged"],
])("stop of a unit that is only loaded and is %s by launch %d is %s", (active, launch, kind) => {
  const state = {
    load: "loaded",
    active,
    sub: active,
    result: "success",
    file: FILE.hash,
    launch,
    sinceMs: 0,
    restarts: 0,
  };
  const places = [{ machine: "m", assignment: undefined, state }];
  const decision = decideRetreat({ ...situated({ desired: "loaded" }), places }, "loaded");
  expect(decision.kind).toBe(kind);
  if (decision.kind === "refused") expect(decision.error.hint).toContain("flotilla unload web.service");
});

test.each<[string, Decision, string]>([
  ["stop of a launched unit leaves it loaded", decideRetreat(situated({}), "loaded"), "loaded 3"],
  [
    "stop of a loaded unit has nothing to do",
    decideRetreat(situated({ desired: "loaded" }), "loaded"),
    "unchanged",
  ],
  [
    "stop of an inactive unit is refused",
    decideRetreat(situated({ desired: "inactive" }), "loaded"),
    "unit-not-loaded",
  ],
  [
    "unload of a loaded unit leaves it inactive",
    decideRetreat(situated({ desired: "loaded" }), "inactive"),
    "inactive 3",
  ],
  [
    "unload of an inactive unit has nothing to do",
    decideRetreat(situated({ desired: "inactive" }), "inactive"),
    "unchanged",
  ],
  ["unload of an unknown unit is refused", decideRetreat(situated(undefined), "inactive"), "unit-not-found"],
  ["restart raises the launch", decideRestart(situated({})), "launched 4"],
  ["restart launches an inactive unit", decideRestart(situated({ desired: "inactive" })), "launched 4"],
  [
    "restart of a template is refused",
    decideRestart({ ...situated({}), isTemplate: true }),
    "template-not-startable",
  ],
  ["restart of an unknown unit is refused", decideRestart(situated(undefined)), "unit-not-found"],
  ["destroy deletes", decideDestroy(situated({})), "delete"],
  ["destroy of an unknown unit is refused", decideDestroy(situated(undefined)), "unit-not-found"],
])("%s", (_, decision, expected) => {
  expect(told(decision)).toBe(expected);
});

test("a global unit that runs on one machine and failed on another is not started anew on the good one", () => {
  const base = {
    load: "loaded",
    sub: "s",
    result: "success",
    file: FILE.hash,
    launch: 3,
    sinceMs: 1,
    restarts: 0,
  };
  const places = ["active", "failed"].map((active, index) => ({
    machine: `m${index}`,
    assignment: undefined,
    state: { ...base, active },
  }));
  const decision = decideSubmit(
    { ...situated({}), places },
    { desired: "launched", replace: false, file: undefined },
  );
  expect(decision.kind).toBe("unchanged");
});

describe("a masked unit", () => {
  const MASKED = { hash: createHash("sha256").digest("hex"), text: "" };

  test("may be submitted and loaded, and is never started", () => {
    const nothing = situated(undefined);
    const submit = (desired: DesiredState | undefined) =>
      decideSubmit(nothing, { desired, replace: false, file: MASKED });
    expect(submit(undefined).kind).toBe("write");
    expect(submit("loaded").kind).toBe("write");
    expect(submit("launched")).toMatchObject({
      kind: "refused",
      error: { code: "unit-masked", message: "Unit web.service is masked." },
    });
  });

  test("that is stored is neither started nor restarted", () => {
    const stored = situated({ file: MASKED.hash, desired: "inactive" });
    const start = decideSubmit(stored, { desired: "launched", replace: false, file: undefined });
    expect(start).toMatchObject({ kind: "refused", error: { code: "unit-masked" } });
    expect(decideRestart(stored)).toMatchObject({ kind: "refused", error: { code: "unit-masked" } });
  });

  test("is started with a file that unmasks it", () => {
    const stored = situated({ file: MASKED.hash, desired: "inactive" });
    expect(decideSubmit(stored, { desired: "launched", replace: true, file: FILE }).kind).toBe("write");
  });
});
