import { describe, expect, test } from "vitest";
import type { UnitRow } from "#api/bodies.ts";
import { describeEnd, type Goal, judgeUnit } from "./goals.ts";

const RUNNING: UnitRow = {
  unit: "a.service",
  machine: "1".repeat(32),
  machineName: "m1",
  load: "loaded",
  active: "active",
  sub: "running",
  result: "success",
  hash: "0".repeat(64),
  desired: "launched",
  global: false,
  launch: 2,
  stateLaunch: 2,
  reason: "r",
  sinceMs: 1,
  message: null,
  mainPid: 1,
  exitCode: null,
  exitSignal: null,
  restarts: 0,
  finishedMs: null,
  unplaced: null,
};

const NOWHERE: UnitRow = { ...RUNNING, machine: null, machineName: null, active: null, stateLaunch: null };
const DEAD: UnitRow = { ...RUNNING, active: "inactive", sub: "dead" };

function row(changes: Partial<UnitRow>): UnitRow {
  return { ...RUNNING, ...changes };
}

function kindOf(goal: Goal, ...rows: UnitRow[]): string {
  const verdict = judgeUnit(goal, rows);
  if (verdict.kind === "waiting") return "waiting";
  return verdict.settled ? verdict.kind : `${verdict.kind}, to be settled`;
}

describe("a unit that shall be launched", () => {
  test.each<[string, UnitRow, string]>([
    ["runs", RUNNING, "reached"],
    ["comes up", row({ active: "activating", sub: "start" }), "waiting"],
    [
      "is started again by its own rule",
      row({ active: "activating", sub: "auto-restart", exitCode: 1 }),
      "waiting",
    ],
    ["runs by an earlier launch", row({ stateLaunch: 1 }), "waiting"],
    ["failed in an earlier launch", row({ active: "failed", stateLaunch: 1 }), "waiting"],
    ["failed", row({ active: "failed" }), "failed, to be settled"],
    ["has not been started yet", DEAD, "waiting"],
    ["could not be started", { ...DEAD, message: "it requires b.service" }, "failed, to be settled"],
    ["could not be started in an earlier launch", { ...DEAD, message: "m", stateLaunch: 1 }, "waiting"],
    ["ended well", { ...DEAD, exitCode: 0 }, "reached, to be settled"],
    ["was stopped with a failure", { ...DEAD, exitCode: 1, result: "exit-code" }, "failed, to be settled"],
    ["has run to its end as a oneshot", { ...DEAD, finishedMs: 1 }, "reached"],
    ["has a file that its machine refuses", { ...DEAD, load: "bad-setting", stateLaunch: 0 }, "failed"],
    ["is about to be placed", NOWHERE, "waiting"],
    ["fits nowhere", { ...NOWHERE, unplaced: { summary: "s", final: true, refusals: [] } }, "unplaced"],
    [
      "has to wait for its place",
      { ...NOWHERE, unplaced: { summary: "s", final: false, refusals: [] } },
      "waiting",
    ],
  ])("and %s", (_, given, expected) => {
    expect(kindOf("launched", given)).toBe(expected);
  });

  test("on several machines has come to it when it has on each", () => {
    expect(kindOf("launched", RUNNING, row({ machineName: "m2", active: "activating" }))).toBe("waiting");
    expect(judgeUnit("launched", [RUNNING, row({ machineName: "m2" })])).toMatchObject({
      kind: "reached",
      text: "active (running) on 2 machines",
    });
    expect(kindOf("launched", RUNNING, row({ active: "failed" }))).toBe("failed, to be settled");
  });
});

test.each<[Goal, string, UnitRow[], string]>([
  ["loaded", "is loaded", [DEAD], "reached"],
  ["loaded", "is not reported yet", [row({ load: null })], "waiting"],
  ["stopped", "still runs", [RUNNING], "waiting"],
  ["stopped", "is dead", [DEAD], "reached"],
  ["stopped", "has failed", [row({ active: "failed" })], "reached"],
  ["stopped", "is on no machine", [NOWHERE], "reached"],
  ["unloaded", "is on a machine", [DEAD], "waiting"],
  ["unloaded", "is on none", [], "reached"],
  ["gone", "is still being taken away", [row({ desired: null })], "waiting"],
  ["gone", "is not there", [], "reached"],
  ["active", "runs, by whatever launch", [row({ stateLaunch: 1 })], "reached"],
  ["active", "has failed", [row({ active: "failed" })], "waiting"],
  ["failed", "has failed", [row({ active: "failed" })], "reached"],
  ["inactive", "is nowhere", [], "reached"],
  ["finished", "has not finished", [DEAD], "waiting"],
  ["finished", "has finished", [{ ...DEAD, finishedMs: 1 }], "reached"],
])("for %s: a unit that %s", (goal, _, rows, expected) => {
  expect(kindOf(goal, ...rows)).toBe(expected);
});

test.each<[Partial<UnitRow>, string]>([
  [{ active: "failed", result: "exit-code", exitCode: 3 }, "failed (exit-code: exited with 3)"],
  [{ active: "failed", result: "signal", exitSignal: "KILL" }, "failed (signal: ended by signal KILL)"],
  [{ active: "failed", result: "timeout" }, "failed (timeout)"],
  [
    { active: "failed", result: "exit-code", message: "a.service failed with result 'exit-code'" },
    "failed (exit-code)",
  ],
  [{ active: "inactive", load: "error", message: "no such user" }, "inactive (error: no such user)"],
  [{ active: "inactive", message: "it requires b.service" }, "inactive (it requires b.service)"],
])("how a unit ended is told in one phrase: %o", (changes, expected) => {
  expect(describeEnd(row(changes))).toBe(expected);
});
