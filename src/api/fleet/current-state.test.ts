import { describe, expect, test } from "vitest";
import type { Assignment, DesiredState, UnitRecord, UnitState } from "#model/records.ts";
import type { UnitOnMachine } from "#model/units.ts";
import { currentState as currentStateAt, homeOf, STOP_NOTICED_MS } from "./current-state.ts";

const OLD = "0".repeat(64);
const NEW = "1".repeat(64);
const LAUNCH = 7;
const CHANGED_MS = 5_000_000;

/** Long after the unit's record was changed. */
const currentState = (record: UnitRecord, place: UnitOnMachine | undefined): DesiredState =>
  currentStateAt(record, place, CHANGED_MS + 3_600_000);

const recordOf = (desired: DesiredState, change: Partial<UnitRecord> = {}): UnitRecord => ({
  ...{ file: NEW, desired, launch: LAUNCH, changedMs: CHANGED_MS, history: [], ...change },
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

describe("a unit that was just asked to stop", () => {
  const stopped = placeOf("loaded", stateOf("inactive", { launch: 0 }));
  const at = (afterMs: number, record = recordOf("loaded"), place = stopped): DesiredState =>
    currentStateAt(record, place, CHANGED_MS + afterMs);

  test.each([
    ["it has stopped at once", stopped],
    ["it had failed", placeOf("launched", stateOf("failed"))],
    ["it had run to its end", placeOf("launched", stateOf("inactive"))],
  ])("counts as launched for a moment where %s, so that fleetctl's restart goes on", (_, place) => {
    expect(at(0, recordOf("loaded"), place)).toBe("launched");
    expect(at(STOP_NOTICED_MS - 1, recordOf("loaded"), place)).toBe("launched");
    expect(at(STOP_NOTICED_MS, recordOf("loaded"), place)).toBe("loaded");
  });

  test("does not where the change lies in the future, as a clock that was set back has it", () => {
    expect(at(-1)).toBe("loaded");
  });

  test("does not where it was never launched, or is only to be there", () => {
    expect(at(0, recordOf("loaded", { launch: 0 }))).toBe("loaded");
    expect(at(0, recordOf("inactive"))).toBe("loaded");
  });

  test("does not where its machine has nothing of it yet", () => {
    expect(at(0, recordOf("loaded"), placeOf("loaded"))).toBe("inactive");
  });
});

describe("where a unit is", () => {
  const at = (machine: string, place: UnitOnMachine): UnitOnMachine => ({ ...place, machine });
  const here = at("a".repeat(32), placeOf("launched", stateOf("active")));
  const there = at("b".repeat(32), placeOf("launched", stateOf("active")));
  const leftover = { ...here, assignment: undefined };

  test("is nowhere while no machine has been given it", () => {
    expect(homeOf([])).toBeUndefined();
    expect(homeOf([leftover])).toBeUndefined();
  });

  test("is not where something of it is left over", () => {
    expect(homeOf([leftover, there])).toBe(there);
  });

  test("is where it came from until it has arrived", () => {
    const { assignment } = here;
    if (assignment === undefined) throw new Error("it is assigned");
    const arriving = { ...here, assignment: { ...assignment, movesFrom: there.machine } };
    expect(homeOf([arriving, there])).toBe(there);
    expect(homeOf([arriving])).toBe(arriving);
  });
});
