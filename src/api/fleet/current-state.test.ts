import { describe, expect, test } from "vitest";
import type { Assignment, DesiredState, UnitRecord, UnitState } from "#model/records.ts";
import type { UnitOnMachine } from "#model/units.ts";
import { currentState } from "./current-state.ts";

const OLD = "0".repeat(64);
const NEW = "1".repeat(64);
const LAUNCH = 7;

const recordOf = (desired: DesiredState, change: Partial<UnitRecord> = {}): UnitRecord => ({
  ...{ file: NEW, desired, launch: LAUNCH, changedMs: 0, history: [], ...change },
});

const stateOf = (active: string, change: Partial<UnitState> = {}): UnitState => ({
  ...{ load: "loaded", active, sub: "running", result: "success", sinceMs: 0, restarts: 0 },
  ...{ file: NEW, launch: LAUNCH, ...change },
});

function placeOf(desired: Assignment["desired"], state?: UnitState, file = NEW): UnitOnMachine {
  const assignment: Assignment = { file, desired, launch: LAUNCH, reason: "it fits there", assignedMs: 0 };
  return { machine: "a".repeat(32), assignment, state };
}

describe("a unit that is on no machine", () => {
  test.each(["inactive", "loaded", "launched"] as const)("is inactive where it shall be %s", (desired) => {
    expect(currentState(recordOf(desired), undefined)).toBe("inactive");
  });

  test("is inactive while a machine has not taken it off yet", () => {
    const place = { ...placeOf("launched", stateOf("active")), assignment: undefined };
    expect(currentState(recordOf("inactive"), place)).toBe("inactive");
  });
});

describe("a unit that is to run", () => {
  const record = recordOf("launched");

  test("is inactive until its machine has said anything of it", () => {
    expect(currentState(record, placeOf("launched"))).toBe("inactive");
  });

  test.each(["active", "activating", "failed", "inactive"])(
    "is launched once its launch has begun, also where systemd says %s of it",
    (active) => {
      expect(currentState(record, placeOf("launched", stateOf(active)))).toBe("launched");
    },
  );

  test("is loaded before its launch has begun", () => {
    expect(currentState(record, placeOf("launched", stateOf("inactive", { launch: 0 })))).toBe("loaded");
  });

  test("is loaded while an earlier launch still runs", () => {
    const running = stateOf("active", { launch: LAUNCH - 1 });
    expect(currentState(record, placeOf("launched", running))).toBe("loaded");
  });

  test("is inactive while an older text runs in its place, whatever its machine has been given", () => {
    const older = stateOf("active", { file: OLD, launch: LAUNCH - 1 });
    expect(currentState(record, placeOf("launched", older))).toBe("inactive");
    expect(currentState(record, placeOf("launched", older, OLD))).toBe("inactive");
  });
});

describe("a unit that is to be there without running", () => {
  const record = recordOf("loaded");

  test("is loaded once it is there", () => {
    expect(currentState(record, placeOf("loaded", stateOf("inactive", { launch: 0 })))).toBe("loaded");
  });

  test("is inactive while only an older text of it is there", () => {
    const older = stateOf("inactive", { file: OLD, launch: 0 });
    expect(currentState(record, placeOf("loaded", older))).toBe("inactive");
  });

  test.each(["active", "deactivating"])("is launched until it has stopped: %s", (active) => {
    expect(currentState(record, placeOf("launched", stateOf(active)))).toBe("launched");
    expect(currentState(record, placeOf("loaded", stateOf(active)))).toBe("launched");
  });

  test.each(["inactive", "failed"])("is loaded when it has: %s", (active) => {
    expect(currentState(record, placeOf("loaded", stateOf(active)))).toBe("loaded");
  });

  test("is loaded where another unit has started it", () => {
    expect(currentState(record, placeOf("loaded", stateOf("active", { launch: 0 })))).toBe("loaded");
  });
});

describe("a unit that is to leave its machine", () => {
  test("is what it was until it is taken off, also where it is of an older text", () => {
    const record = recordOf("inactive");
    const older = stateOf("active", { file: OLD });
    expect(currentState(record, placeOf("launched", older, OLD))).toBe("launched");
    expect(currentState(record, placeOf("loaded", stateOf("inactive", { launch: 0 })))).toBe("loaded");
  });
});
