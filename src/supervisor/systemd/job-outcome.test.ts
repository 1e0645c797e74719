import { describe, expect, test } from "vitest";
import type { UnitStatus } from "../supervisor.ts";
import { endedOutcome, presumedResult, refusedOutcome, unknownUnit } from "./job-outcome.ts";

const status: UnitStatus = {
  name: "a.service",
  file: "f",
  load: "loaded",
  active: "inactive",
  sub: "dead",
  result: "success",
  sinceMs: 0,
  invocation: undefined,
  restarts: 0,
  completed: false,
};

describe("a job that was refused", () => {
  test.each([
    ["NoSuchUnit", "invalid", "NoSuchUnit"],
    ["UnitMasked", "invalid", "UnitMasked"],
    ["BadUnitSetting", "failed", "BadUnitSetting"],
    ["LoadFailed", "failed", "LoadFailed"],
    ["InconsistentMessage", "failed", "LoadFailed"],
  ])("with %s is %s", (code, result, error) => {
    expect(refusedOutcome(code, "why")).toEqual({ result, error, message: "why" });
  });

  test("for a unit that is none of ours says so", () => {
    expect(unknownUnit("x.service")).toMatchObject({
      result: "invalid",
      message: "Unit x.service not loaded.",
    });
  });
});

describe("a job that ended", () => {
  test("well says nothing", () => {
    expect(endedOutcome("done", "start", status)).toEqual({ result: "done" });
  });

  test("in failure says what the unit says", () => {
    const failed = { ...status, active: "failed", result: "timeout" } as const;
    expect(endedOutcome("failed", "start", { ...failed, message: "it hung" }).message).toBe("it hung");
    expect(endedOutcome("failed", "start", failed).message).toBe("a.service failed with result 'timeout'");
  });

  test.each(["dependency", "timeout", "canceled", "assert", "unsupported", "skipped", "once"])(
    "with %s says so",
    (result) => {
      const outcome = endedOutcome(result, "restart", status);
      expect(outcome.result).toBe(result);
      expect(outcome.message).toContain("a.service");
    },
  );

  test("with a result of a later systemd has failed", () => {
    expect(endedOutcome("frozen", "start", status).result).toBe("failed");
  });
});

test.each([
  ["start", { active: "active" }, "done"],
  ["start", { completed: true }, "done"],
  ["start", { active: "failed" }, "failed"],
  ["start", {}, "canceled"],
  ["stop", {}, "done"],
  ["stop", { active: "failed" }, "done"],
  ["stop", { active: "active" }, "canceled"],
  ["restart", { active: "activating" }, "done"],
] as const)("a %s job whose end nobody heard of, and a unit that is %j: %s", (type, changes, result) => {
  expect(presumedResult(type, { ...status, ...changes })).toBe(result);
});

test("a job of a unit that is gone was collected", () => {
  expect(presumedResult("start", undefined)).toBe("collected");
});
