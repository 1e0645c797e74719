import { expect, test } from "vitest";
import { tallyLine } from "../../scripts/checks.ts";
import { findLeftovers, type Observation, RUN_MARK } from "../../scripts/leftovers.ts";

const nothing: Observation = { things: new Set(), processes: [] };
const process = (title: string, run: string): Observation["processes"][number] => ({
  title,
  environment: `HOME=/root\0${RUN_MARK}=${run}\0`,
});

test("a process of this run is left over, one of another run is not", () => {
  const after = { ...nothing, processes: [process("7 daemon", "mine"), process("8 daemon", "other")] };
  expect(findLeftovers(nothing, after, "mine")).toEqual(["process 7 daemon"]);
});

test("what was there before the tests is not theirs", () => {
  const before = { ...nothing, things: new Set(["mount /tmp/flotilla-a"]) };
  const after = {
    ...nothing,
    things: new Set(["mount /tmp/flotilla-a", "cgroup /sys/fs/cgroup/flotilla-b"]),
  };
  expect(findLeftovers(before, after, "mine")).toEqual(["cgroup /sys/fs/cgroup/flotilla-b"]);
});

test("the closing line counts what was skipped only when something was", () => {
  expect(tallyLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
  expect(tallyLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
});
