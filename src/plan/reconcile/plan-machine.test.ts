import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Assignment } from "#model/records.ts";
import {
  type Applied,
  type MachineSituation,
  type MachineStep,
  planMachine,
  type StrictStanding,
  type Supervised,
} from "./plan-machine.ts";

const FILE_A = "a".repeat(64);
const FILE_B = "b".repeat(64);

function assignment(change: Partial<Assignment> = {}): Assignment {
  return { file: FILE_A, desired: "launched", launch: 1, reason: "least loaded", assignedMs: 0, ...change };
}

function applied(change: Partial<Applied> = {}): Applied {
  return { desired: "launched", file: FILE_A, launch: 1, completed: false, ...change };
}

function supervised(change: Partial<Supervised> = {}): Supervised {
  return { file: FILE_A, up: true, invocation: "run-1", ...change };
}

interface Case {
  readonly assignment?: Assignment;
  readonly applied?: Applied;
  readonly supervised?: Supervised;
  readonly busy?: MachineStep["kind"];
  readonly attempted?: boolean;
  readonly strict?: StrictStanding;
}

function situation(one: Case): MachineSituation {
  const map = <T>(value: T | undefined): ReadonlyMap<string, T> =>
    new Map(value === undefined ? [] : [["u.service", value]]);
  return {
    assignments: map(one.assignment),
    applied: map(one.applied),
    supervised: map(one.supervised),
    busy: map(one.busy),
    attempted: new Set(one.attempted === true ? ["u.service"] : []),
    strict: map(one.strict),
  };
}

function kinds(one: Case): readonly string[] {
  return planMachine(situation(one)).map((step) => step.kind);
}

const IDLE = supervised({ up: false, invocation: undefined });
const ENDED = supervised({ up: false });

describe("planMachine", () => {
  const rows: readonly (readonly [why: string, given: Case, steps: readonly string[]])[] = [
    ["a unit that is new here is loaded first", { assignment: assignment() }, ["load"]],
    [
      "a loaded unit that shall run is started",
      { assignment: assignment(), supervised: IDLE, applied: applied({ desired: "loaded", launch: 0 }) },
      ["start"],
    ],
    [
      "what runs as asked is left alone",
      { assignment: assignment(), supervised: supervised(), applied: applied() },
      [],
    ],
    [
      "a unit that ended by itself is its supervisor's affair",
      { assignment: assignment(), supervised: ENDED, applied: applied() },
      [],
    ],
    [
      "a raised launch restarts what runs",
      { assignment: assignment({ launch: 2 }), supervised: supervised(), applied: applied() },
      ["restart"],
    ],
    [
      "a raised launch starts what has ended",
      { assignment: assignment({ launch: 2 }), supervised: ENDED, applied: applied() },
      ["start"],
    ],
    [
      "after a power cut what was launched is started again",
      { assignment: assignment(), supervised: IDLE, applied: applied() },
      ["start"],
    ],
    [
      "after a power cut a finished oneshot stays finished",
      { assignment: assignment(), supervised: IDLE, applied: applied({ completed: true }) },
      [],
    ],
    [
      "after its directory was lost a finished oneshot is loaded, not run",
      { assignment: assignment(), applied: applied({ completed: true }) },
      ["load"],
    ],
    [
      "a finished oneshot that was loaded anew is not run",
      {
        assignment: assignment(),
        supervised: IDLE,
        applied: applied({ desired: "loaded", completed: true }),
      },
      [],
    ],
    [
      "a finished oneshot runs again when it is launched again",
      { assignment: assignment({ launch: 2 }), supervised: ENDED, applied: applied({ completed: true }) },
      ["start"],
    ],
    [
      "launched to loaded stops",
      { assignment: assignment({ desired: "loaded" }), supervised: supervised(), applied: applied() },
      ["stop"],
    ],
    [
      "a loaded unit that a timer started is left alone",
      {
        assignment: assignment({ desired: "loaded" }),
        supervised: supervised(),
        applied: applied({ desired: "loaded" }),
      },
      [],
    ],
    ["a unit no longer assigned is unloaded", { supervised: supervised(), applied: applied() }, ["unload"]],
    ["what was only remembered is forgotten", { applied: applied() }, ["unload"]],
    [
      "a new file of a running unit replaces it",
      { assignment: assignment({ file: FILE_B }), supervised: supervised(), applied: applied() },
      ["replace"],
    ],
    [
      "a new file of a stopped unit is loaded",
      { assignment: assignment({ file: FILE_B }), supervised: ENDED, applied: applied() },
      ["load"],
    ],
    [
      "after the replacement the unit is started",
      {
        assignment: assignment({ file: FILE_B }),
        supervised: supervised({ file: FILE_B, up: false }),
        applied: applied({ desired: "loaded", file: FILE_B }),
      },
      ["start"],
    ],
    [
      "nothing is planned beside a step under way",
      { assignment: assignment(), supervised: IDLE, applied: applied({ desired: "loaded" }), busy: "start" },
      [],
    ],
    [
      "taking a unit off overtakes its start",
      { supervised: supervised(), applied: applied(), busy: "start" },
      ["unload"],
    ],
    ["nothing overtakes a stop", { supervised: supervised(), applied: applied(), busy: "stop" }, []],
    [
      "a strict unit is stopped when the lease may have ended",
      { assignment: assignment(), supervised: supervised(), applied: applied(), strict: "fenced" },
      ["stop"],
    ],
    [
      "a strict unit is stopped also while the new file it shall have is on its way",
      {
        assignment: assignment({ file: "b".repeat(64) }),
        supervised: supervised(),
        applied: applied(),
        strict: "fenced",
      },
      ["stop"],
    ],
    [
      "a fenced strict unit is not started",
      {
        assignment: assignment(),
        supervised: IDLE,
        applied: applied({ desired: "loaded" }),
        strict: "fenced",
      },
      [],
    ],
    [
      "when the lease is back the strict unit is started again",
      {
        assignment: assignment(),
        supervised: ENDED,
        applied: applied({ desired: "loaded" }),
        strict: "free",
      },
      ["start"],
    ],
    [
      "a strict unit that an earlier daemon was promised time for runs on",
      { assignment: assignment(), supervised: supervised(), applied: applied(), strict: "held" },
      [],
    ],
    [
      "a strict unit is not started while it only has what an earlier daemon was promised",
      {
        assignment: assignment(),
        supervised: ENDED,
        applied: applied({ desired: "loaded" }),
        strict: "held",
      },
      [],
    ],
    [
      "a strict unit that its supervisor ended without the daemon is started again when it may be",
      {
        assignment: assignment(),
        supervised: supervised({ up: false, expired: true }),
        applied: applied(),
        attempted: true,
        strict: "free",
      },
      ["start"],
    ],
    [
      "a restart that was only written down is carried out by the next daemon",
      {
        assignment: assignment({ launch: 2 }),
        supervised: supervised(),
        applied: applied({ launch: 2, supersedes: "run-1" }),
      },
      ["restart"],
    ],
    [
      "a restart that was carried out is not repeated by the next daemon",
      {
        assignment: assignment({ launch: 2 }),
        supervised: supervised({ invocation: "run-2" }),
        applied: applied({ launch: 2, supersedes: "run-1" }),
      },
      [],
    ],
    [
      "a new launch of a failed unit that was only written down is carried out by the next daemon",
      {
        assignment: assignment({ launch: 2 }),
        supervised: ENDED,
        applied: applied({ launch: 2, supersedes: "run-1" }),
      },
      ["start"],
    ],
    [
      "a stop that was only written down is carried out by the next daemon",
      {
        assignment: assignment({ desired: "loaded" }),
        supervised: supervised(),
        applied: applied({ desired: "loaded", supersedes: "run-1" }),
      },
      ["stop"],
    ],
    [
      "a start that this daemon has tried is not tried again, however it ended",
      { assignment: assignment(), supervised: IDLE, applied: applied(), attempted: true },
      [],
    ],
    [
      "a new launch is tried though the one before was",
      { assignment: assignment({ launch: 2 }), supervised: IDLE, applied: applied(), attempted: true },
      ["start"],
    ],
    [
      "other units run on when the lease has ended",
      { assignment: assignment(), supervised: supervised(), applied: applied() },
      [],
    ],
  ];
  test.each(rows)("%s", (_why, given, steps) => {
    expect(kinds(given)).toEqual(steps);
  });

  test("what leaves goes first and everything is loaded before anything starts", () => {
    const plan = planMachine({
      assignments: new Map([
        ["start.service", assignment()],
        ["load.service", assignment()],
        ["stop.service", assignment({ desired: "loaded" })],
      ]),
      applied: new Map([
        ["stop.service", applied()],
        ["start.service", applied({ desired: "loaded" })],
      ]),
      supervised: new Map([
        ["start.service", IDLE],
        ["stop.service", supervised()],
        ["gone.service", supervised()],
      ]),
      busy: new Map(),
      attempted: new Set(),
      strict: new Map(),
    });
    expect(plan.map((step) => `${step.kind} ${step.unit}`)).toEqual([
      "unload gone.service",
      "stop stop.service",
      "load load.service",
      "start start.service",
    ]);
  });

  test("every step has a reason", () => {
    for (const [, given] of rows) {
      for (const step of planMachine(situation(given))) expect(step.reason).not.toBe("");
    }
  });

  test("carrying out the steps reaches a fixpoint at which nothing is planned", () => {
    fc.assert(
      fc.property(arbitraryCase, (given) => {
        let current = given;
        for (let round = 0; round < 6; round += 1) {
          const [step] = planMachine(situation(current));
          if (step === undefined) return;
          current = carryOut(current, step);
        }
        expect(planMachine(situation(current))).toEqual([]);
      }),
    );
  });
});

const arbitraryCase: fc.Arbitrary<Case> = fc
  .record({
    assignment: fc.option(
      fc.record({
        file: fc.constantFrom(FILE_A, FILE_B),
        desired: fc.constantFrom("loaded" as const, "launched" as const),
        launch: fc.integer({ min: 1, max: 3 }),
      }),
    ),
    applied: fc.option(
      fc.record({
        file: fc.constantFrom(FILE_A, FILE_B),
        desired: fc.constantFrom("loaded" as const, "launched" as const),
        launch: fc.integer({ min: 0, max: 3 }),
        completed: fc.boolean(),
        supersedes: fc.constantFrom("run-1", "run-2", undefined),
      }),
    ),
    supervised: fc.option(
      fc.record({
        file: fc.constantFrom(FILE_A, FILE_B),
        up: fc.boolean(),
        invocation: fc.constantFrom("run-1", "run-2"),
      }),
    ),
    strict: fc.option(fc.constantFrom("free" as const, "held" as const, "fenced" as const)),
  })
  .map(({ assignment: shall, applied: did, supervised: is, strict }) => ({
    ...(shall === null ? {} : { assignment: assignment(shall) }),
    ...(did === null ? {} : { applied: did }),
    ...(is === null ? {} : { supervised: is }),
    ...(strict === null ? {} : { strict }),
  }));

/** What the world looks like when a step has been taken and went well. */
function carryOut(before: Case, step: MachineStep): Case {
  const { applied: _applied, supervised: _supervised, ...rest } = before;
  const next = step.applied === undefined ? {} : { applied: step.applied };
  const file = before.assignment?.file ?? FILE_A;
  switch (step.kind) {
    case "unload":
      return rest;
    case "load":
      return {
        ...rest,
        ...next,
        supervised: before.supervised === undefined ? { ...IDLE, file } : { ...before.supervised, file },
      };
    case "stop":
      return { ...rest, ...next, supervised: { ...ENDED, ...before.supervised, up: false } };
    case "replace":
      return { ...rest, ...next, supervised: { ...ENDED, ...before.supervised, up: false, file } };
    case "start":
    case "restart":
      return { ...rest, ...next, supervised: supervised({ file, invocation: "run-3" }) };
  }
}
