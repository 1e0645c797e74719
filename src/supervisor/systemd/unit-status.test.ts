import { describe, expect, test } from "vitest";
import type { UnitStatus } from "../supervisor.ts";
import {
  describeFailure,
  expiredStatus,
  keptProperties,
  loadState,
  type UnitFacts,
  unitStatus,
} from "./unit-status.ts";

const RUN = "00112233445566778899aabbccddeeff";
const NOW = 5_000;

const running = {
  Type: "simple",
  ActiveState: "active",
  SubState: "running",
  ActiveEnterTimestamp: 1_000_999n,
  InactiveExitTimestamp: 900_000n,
  InactiveEnterTimestamp: 0n,
  ActiveExitTimestamp: 0n,
  InvocationID: Buffer.from(RUN, "hex"),
  Result: "success",
  NRestarts: 2,
  MainPID: 77,
  ExecMainCode: 0,
  ExecMainStatus: 0,
  StatusText: "",
};
const forgotten = {
  ActiveState: "inactive",
  SubState: "dead",
  InvocationID: Buffer.alloc(0),
  Type: "simple",
};
const oneshot = {
  ...running,
  Type: "oneshot",
  ActiveState: "inactive",
  SubState: "dead",
  MainPID: 0,
  ExecMainCode: 1,
  InactiveEnterTimestamp: 2_000_000n,
};

function facts(properties: UnitFacts["properties"], others: Partial<UnitFacts> = {}): UnitFacts {
  const known = { name: "a.service", file: "f", load: "loaded", problem: undefined } as const;
  return { ...known, properties: keptProperties(properties), supersedes: undefined, begun: RUN, ...others };
}

function status(properties: UnitFacts["properties"], others: Partial<UnitFacts> = {}, before?: UnitStatus) {
  return unitStatus(facts(properties, others), before, NOW);
}

describe("the status of a unit", () => {
  test("that runs", () => {
    expect(status(running)).toEqual({
      name: "a.service",
      file: "f",
      load: "loaded",
      active: "active",
      sub: "running",
      result: "success",
      sinceMs: 1_000,
      invocation: RUN,
      restarts: 2,
      completed: false,
      mainPid: 77,
    });
  });

  test("of which systemd knows nothing yet", () => {
    expect(status({})).toMatchObject({
      active: "inactive",
      sub: "dead",
      sinceMs: NOW,
      invocation: undefined,
    });
  });

  test.each([
    ["activating", "InactiveExitTimestamp"],
    ["reloading", "ActiveEnterTimestamp"],
    ["deactivating", "ActiveExitTimestamp"],
    ["failed", "InactiveEnterTimestamp"],
  ])("that is %s begins with its %s", (ActiveState, since) => {
    expect(status({ ...running, ActiveState, [since]: 3_000_000n })).toMatchObject({
      active: ActiveState,
      sinceMs: 3_000,
    });
  });

  test.each([
    [1, 203, { exitCode: 203 }],
    [2, 9, { exitSignal: "KILL" }],
    [3, 6, { exitSignal: "ABRT", coreDumped: true }],
  ])("says how its main process ended: %i, %i", (ExecMainCode, ExecMainStatus, end) => {
    const failed = { ...running, ActiveState: "failed", Result: "exit-code", ExecMainCode, ExecMainStatus };
    expect(status(failed)).toMatchObject(end);
  });

  test("speaks with the problem first, then the failure, then its own words", () => {
    const says = { ...running, StatusText: "Well" };
    expect(status(says)).toMatchObject({ message: "Well", statusText: "Well" });
    const failed = { ...says, ActiveState: "failed", Result: "timeout" };
    expect(status(failed).message).toBe("a.service failed with result 'timeout'");
    expect(status(failed, { load: "bad-setting", problem: "No" }).message).toBe("No");
    expect(status(running).message).toBeUndefined();
  });

  test("tells of a start limit", () => {
    expect(status({ ...running, ActiveState: "failed", Result: "start-limit-hit" })).toMatchObject({
      startLimitHit: true,
      result: "start-limit-hit",
    });
  });

  test("has a result that is known, and is inactive while its files are cleaned", () => {
    expect(status({ ...running, Result: "of a later systemd" }).result).toBe("success");
    expect(status({ ...running, ActiveState: "maintenance" }).active).toBe("inactive");
  });
});

describe("a oneshot is completed", () => {
  test("when it has run to its end", () => {
    expect(status(oneshot).completed).toBe(true);
    expect(status({ ...oneshot, ActiveState: "active", SubState: "exited" }).completed).toBe(true);
  });

  test("also after it was stopped, if it stayed active", () => {
    const before = status({ ...oneshot, ActiveState: "active", SubState: "exited" });
    expect(status({ ...oneshot, ExecMainCode: 2, ExecMainStatus: 15 }, {}, before).completed).toBe(true);
  });

  test.each<[string, object, Partial<UnitFacts>?]>([
    ["while it runs", { ActiveState: "activating", SubState: "start", ExecMainCode: 0 }],
    ["when it failed", { ActiveState: "failed", Result: "exit-code" }],
    ["when it was stopped halfway", { ExecMainCode: 2, ExecMainStatus: 15 }],
    ["before a new run has begun", {}, { begun: "another" }],
    ["by a run that the last start is to replace", {}, { supersedes: RUN }],
  ])("not %s", (_, changes, others) => {
    expect(status({ ...oneshot, ...changes }, others).completed).toBe(false);
  });

  test("and a service of another type never is", () => {
    expect(status({ ...oneshot, Type: "simple" }).completed).toBe(false);
  });
});

describe("of a unit that systemd has forgotten", () => {
  test("the last run is what it was", () => {
    const before = status(oneshot);
    expect(status(forgotten, {}, before)).toEqual(before);
  });

  test("a new file and problem count", () => {
    const others = { file: "g", load: "bad-setting", problem: "No" } as const;
    expect(status(forgotten, others, status(oneshot))).toMatchObject({
      file: "g",
      load: "bad-setting",
      message: "No",
    });
  });

  test("a failure has been reset", () => {
    const before = status({ ...running, ActiveState: "failed", SubState: "failed", Result: "signal" });
    const after = status(forgotten, {}, before);
    expect(after).toMatchObject({ active: "inactive", sub: "dead", result: "success", sinceMs: NOW });
    expect(after.message).toBeUndefined();
  });

  test("what ran when it was seen last has ended well; a oneshot then has run to its end", () => {
    const busy = status({ ...oneshot, ActiveState: "activating", SubState: "start", MainPID: 7 });
    expect(status({ ...forgotten, Type: "oneshot" }, {}, busy)).toMatchObject({ completed: true });
    const after = status(forgotten, {}, status(running));
    expect(after).toMatchObject({ active: "inactive", completed: false, invocation: RUN });
    expect(after.mainPid).toBeUndefined();
  });
});

test.each([
  ["loaded", "loaded"],
  ["merged", "loaded"],
  ["not-found", "not-found"],
  ["masked", "masked"],
  ["stub", "error"],
])("systemd's load state %s is %s", (told, expected) => {
  expect(loadState(told)).toBe(expected);
});

test("of a signal's properties those are kept that a status is made of", () => {
  const told = { ActiveState: "active", ExecStart: [], Job: [0, "/"], ActiveEnterTimestamp: 7n };
  expect(keptProperties({ ...told, InvocationID: Buffer.from([0, 171]) })).toEqual({
    ActiveState: "active",
    ActiveEnterTimestamp: 7,
    InvocationID: "00ab",
  });
});

test("a failure names what ended the process", () => {
  const failed = { ...status(running), result: "signal", exitSignal: "SEGV" } as const;
  expect(describeFailure(failed)).toBe("a.service failed with result 'signal' (signal SEGV)");
});

describe("the status of a unit that was held", () => {
  const down = { ...running, ActiveState: "inactive", SubState: "dead", Result: "signal", MainPID: 0 };

  test("is that of a time limit when the fence has ended its last run", () => {
    expect(expiredStatus(status(down), RUN)).toMatchObject({
      active: "failed",
      sub: "failed",
      result: "timeout",
      expired: true,
      message: "a.service was killed: the time until which it might run had come",
    });
  });

  test.each([undefined, "ff".repeat(16)])("is its own when the fence has ended %s", (killed) => {
    expect(expiredStatus(status(down), killed)).toEqual(status(down));
  });

  test("is its own again when that is forgotten", () => {
    const expired = expiredStatus(status(down), RUN);
    expect(expiredStatus(status({ ...forgotten }, {}, expired), undefined)).toMatchObject({
      active: "inactive",
    });
    expect(status({ ...forgotten }, {}, expired)).not.toHaveProperty("expired");
  });
});
