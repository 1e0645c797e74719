import { describe, expect, test } from "vitest";
import type { UnitRow } from "#api/bodies.ts";
import { guideLines } from "./guide.ts";
import { planLayout } from "./layout.ts";
import { conditionOf, isSettled, overviewLines, settledLine } from "./overview.ts";

const layout = planLayout({
  id: "a1b2c3",
  directory: "/d",
  machines: 2,
  environment: {},
  cgroups: false,
  net: { kind: "own", subnet: "10.77.5" },
});

function row(unit: string, over: Partial<UnitRow> = {}): UnitRow {
  return {
    unit,
    machine: "1".repeat(32),
    machineName: "m1",
    load: "loaded",
    active: "active",
    sub: "running",
    result: "success",
    hash: "",
    desired: "launched",
    global: false,
    launch: 1,
    stateLaunch: 1,
    reason: null,
    sinceMs: 0,
    message: null,
    mainPid: null,
    exitCode: null,
    exitSignal: null,
    restarts: 0,
    finishedMs: null,
    unplaced: null,
    ...over,
  };
}

/** What is reported, the word for it, and whether there is more to wait for. */
const CONDITIONS: readonly (readonly [Partial<UnitRow>, string, boolean])[] = [
  [{ active: "active" }, "active", true],
  [{ active: "activating" }, "changing", false],
  [{ active: "deactivating" }, "changing", false],
  [{ active: "failed" }, "failed", true],
  [{ active: "inactive" }, "waiting", false],
  [{ active: null, machine: null }, "waiting", false],
  [{ active: "inactive", finishedMs: 5 }, "finished", true],
];

test.each(CONDITIONS)("%o is %s", (over, condition, settled) => {
  expect(conditionOf(row("x.service", over))).toBe(condition);
  expect(isSettled(row("x.service", over))).toBe(settled);
});

describe("the overview", () => {
  test("lists units under their machines, in order of name, and those that are nowhere last", () => {
    const rows = [
      row("web@2.service", { machineName: "m2", active: "activating" }),
      row("web@1.service"),
      row("cache.service"),
      row("stuck.service", { machine: null, machineName: null, active: null }),
    ];
    expect(overviewLines(layout, rows, 80)).toEqual([
      "m1   10.77.5.11  disk=ssd  zone=a  store",
      "    ● cache  ● web@1",
      "m2   10.77.5.12  disk=ssd  zone=b",
      "    ↻ web@2",
      "on no machine",
      "    ○ stuck",
    ]);
  });

  test("says of an empty machine that it is empty", () => {
    expect(overviewLines(layout, [], 80)).toContain("    nothing yet");
  });

  test("breaks lines between units so that none is wider than the terminal", () => {
    const rows = Array.from({ length: 20 }, (_, index) => row(`unit-${index}.service`));
    const lines = overviewLines(layout, rows, 40).slice(1);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(lines.join(" ").match(/unit-/g)).toHaveLength(20);
  });
});

test("a settled unit is told with its machine, a failed one with its reason", () => {
  expect(settledLine(row("web@1.service"))).toBe("● web@1 active on m1");
  expect(settledLine(row("x.service", { active: "failed", message: "exit code 1" }))).toBe(
    "× x failed on m1: exit code 1",
  );
});

describe("the guide", () => {
  const guide = (units: readonly string[]): string =>
    guideLines(
      layout,
      {
        program: "bin/flotilla",
        dev: (verb) => `bin/flotilla dev ${verb} --dir d`,
        end: "Ctrl-C stops everything.",
      },
      units,
    ).join("\n");

  test("names the next commands as the user has to type them, and how to end it all", () => {
    const lines = guide(["web@1.service", "web@2.service"]);
    expect(lines).toContain('eval "$(bin/flotilla dev env --dir d)"');
    expect(lines).toContain("bin/flotilla dev kill m2 --dir d");
    expect(lines).toContain("bin/flotilla why web@1 ");
    expect(lines).toContain("http://10.77.5.11:7400");
    expect(lines).toMatch(/\nCtrl-C stops everything\.$/);
  });

  test("asks nothing of units where none were started", () => {
    expect(guide([])).not.toMatch(/ why | journal /);
  });
});
