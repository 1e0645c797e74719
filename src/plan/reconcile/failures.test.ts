import { describe, expect, test } from "vitest";
import { explainUnit } from "#plan/explain.ts";
import { type ClusterBuilder, cluster, machineId } from "#plan/testing/cluster-builder.ts";
import type { Placement } from "#unit/placement.ts";
import { planCluster } from "./plan-cluster.ts";

const UNIT = "web.service";

function failing(machines: string, placement: Partial<Placement> = {}): ClusterBuilder {
  const made = cluster(...machines).unit(UNIT, { on: ["a"], placement: { failureMoves: 2, ...placement } });
  return fail(made, "a");
}

function fail(made: ClusterBuilder, short: string): ClusterBuilder {
  const message = `exit 1 on ${short}`;
  return made.report(UNIT, short, "failed", {
    result: "start-limit-hit",
    message,
    sinceMs: made.context().nowMs,
  });
}

/** What the plan does with the unit, carried out: where it goes, or `stays`. */
function next(made: ClusterBuilder): string {
  const { steps } = planCluster(made.state, made.context());
  const assign = steps.find((step) => step.kind === "assign");
  if (assign === undefined) return steps.length === 0 ? "stays" : JSON.stringify(steps);
  for (const from of [assign.from ?? ""]) {
    made.state.assignments.get(from)?.delete(UNIT);
    made.state.states.get(from)?.delete(UNIT);
  }
  made.assign(UNIT, assign.machine.slice(0, 1), assign.assignment);
  return `to ${assign.machine.slice(0, 1)}: ${assign.reason}`;
}

function why(made: ClusterBuilder): string {
  return explainUnit(made.state, made.context(), UNIT)?.summary ?? "";
}

describe("a unit that has failed for good", () => {
  test("stays where it is unless its file says otherwise", () => {
    expect(next(failing("abc", { failureMoves: 0 }).wait(120_000))).toBe("stays");
  });

  test("is tried on another machine when it has waited, and the reason says why", () => {
    const made = failing("abc");
    expect(next(made)).toBe("stays");
    expect(next(made.wait(2_000))).toMatch(/^to b: it has failed on node-a \(exit 1 on a\): /);
  });

  test("waits twice as long before each try, comes to no machine twice, and says where it was tried", () => {
    const made = failing("abcd").wait(2_000);
    expect(next(made)).toMatch(/^to b/);
    fail(made, "b").wait(3_999);
    expect(next(made)).toBe("stays");
    expect(next(made.wait(1))).toMatch(/^to c/);
    fail(made, "c").wait(120_000);
    expect(next(made)).toBe("stays");
    expect(why(made)).toBe(
      "it has failed on node-a (exit 1 on a), then on node-b (exit 1 on b), then on node-c (exit 1 on c), and is tried nowhere else (FailureMoves=2)",
    );
  });

  test("stays failed where it is when there is no machine that it was not tried on", () => {
    const made = failing("ab", { failureMoves: 9 }).wait(2_000);
    expect(next(made)).toMatch(/^to b/);
    fail(made, "b").wait(120_000);
    expect(next(made)).toBe("stays");
    expect(why(made)).toContain("is tried on another machine when there is one");
  });

  test("may go everywhere again when it is started again", () => {
    const made = failing("ab").wait(2_000);
    next(made);
    fail(made, "b").restart(UNIT).wait(120_000);
    expect(next(made)).toMatch(/^to b: operator asked to start it again/);
    expect(next(fail(made, "b").wait(2_000))).toMatch(/^to a: it has failed on node-b/);
  });

  test("goes at once, whether or not it may overlap with itself, as nothing of it runs", () => {
    const made = failing("abc", { failover: "strict", overlap: false }).wait(2_000);
    expect(next(made)).toMatch(/^to b/);
  });

  test.each<[why: string, change: object]>([
    ["has not failed but is about to be restarted", { active: "activating" }],
    ["was killed with the lease of its machine", { expired: true }],
    ["failed in an earlier launch", { launch: 0 }],
  ])("is not one that %s", (_why, change) => {
    const made = failing("abc");
    made.report(UNIT, "a", "failed", { result: "exit-code", ...change });
    expect(next(made.wait(120_000))).toBe("stays");
  });

  test("keeps its record of tries when its machine is lost", () => {
    const made = failing("abc").wait(2_000);
    next(made);
    made.lose("b").wait(10_000);
    next(made);
    const assignment = made.state.assignments.get(machineId("c"))?.get(UNIT);
    expect(assignment?.tried?.map(({ machine }) => machine[0])).toEqual(["a"]);
  });
});
