import { describe, expect, test } from "vitest";
import { unitStateSchema } from "#model/records.ts";
import type { Applied } from "#plan/reconcile/plan-machine.ts";
import type { UnitStatus } from "#supervisor/supervisor.ts";
import { publishedState, type UnitDoings, unloadableState } from "./unit-state.ts";

const FILE = "f".repeat(64);
const STATUS: UnitStatus = {
  name: "a.service",
  file: FILE,
  load: "loaded",
  active: "active",
  sub: "running",
  result: "success",
  sinceMs: 5,
  invocation: "run-1",
  restarts: 2,
  completed: false,
};
const LAUNCHED: Applied = { desired: "launched", file: FILE, launch: 3, completed: false };

function launchOf(status: Partial<UnitStatus>, doings: Partial<UnitDoings>): number {
  const all = { applied: LAUNCHED, underWay: false, trouble: undefined, ...doings };
  return publishedState({ ...STATUS, ...status }, all).launch;
}

describe("publishedState", () => {
  test("is what the supervisor says, in a form that others can read", () => {
    const status = { ...STATUS, mainPid: 7, exitCode: 1, exitSignal: "KILL", message: "ready" };
    const state = publishedState(status, { applied: LAUNCHED, underWay: false, trouble: undefined });
    expect(unitStateSchema.parse(state)).toEqual(state);
    expect(state).toMatchObject({
      active: "active",
      restarts: 2,
      mainPid: 7,
      exitCode: 1,
      exitSignal: "KILL",
      message: "ready",
    });
  });

  test("tells trouble of the agent's before what the unit says", () => {
    const doings = { applied: LAUNCHED, underWay: false, trouble: "the disk is full" };
    expect(publishedState({ ...STATUS, message: "ready" }, doings).message).toBe("the disk is full");
  });

  test("belongs to a launch only once that launch's own run has begun", () => {
    const restarting = { applied: { ...LAUNCHED, supersedes: "run-1" }, underWay: true };
    expect(launchOf({ invocation: "run-1" }, restarting)).toBe(0);
    expect(launchOf({ invocation: "run-2" }, restarting)).toBe(3);
    expect(launchOf({ invocation: "run-2" }, { ...restarting, underWay: false })).toBe(3);
  });

  test("belongs to a launch also when its step has ended without a run", () => {
    const refused = { applied: { ...LAUNCHED, supersedes: "run-1" }, underWay: false };
    expect(launchOf({ invocation: "run-1" }, refused)).toBe(3);
  });

  test("belongs to no launch where nothing was launched", () => {
    expect(launchOf({}, { applied: undefined })).toBe(0);
    expect(launchOf({}, { applied: { ...LAUNCHED, desired: "loaded" } })).toBe(0);
  });
});

test("unloadableState says of a unit that the supervisor never had why not, in the form of any state", () => {
  const assignment = { file: FILE, desired: "launched", launch: 3, reason: "r", assignedMs: 0 } as const;
  const state = unloadableState(assignment, "its file is missing", 9);
  expect(unitStateSchema.parse(state)).toEqual(state);
  expect(state).toMatchObject({
    load: "error",
    active: "inactive",
    message: "its file is missing",
    sinceMs: 9,
  });
});
