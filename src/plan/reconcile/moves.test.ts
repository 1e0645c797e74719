import { describe, expect, test } from "vitest";
import { type ClusterBuilder, cluster, inWords, machineId } from "#plan/testing/cluster-builder.ts";

const SETTLE_MS = 1_000;

/** A cluster in which each of the units is active on its machine. */
function running(made: ClusterBuilder, on: Readonly<Record<string, string>>, placement = {}): ClusterBuilder {
  for (const [unit, short] of Object.entries(on))
    made.unit(unit, { on: [short], placement }).report(unit, short, "active");
  return made;
}

/** Carries out what is planned and returns it in words. */
function step(made: ClusterBuilder): readonly string[] {
  const plan = made.plan();
  made.apply(plan);
  return inWords(plan);
}

describe("a unit of a drained machine", () => {
  test("is started elsewhere first and leaves when its copy has been active for a while", () => {
    const made = running(cluster("a", "b"), { "x.service": "a" }).drain("a");
    expect(step(made)).toEqual(["x.service ->b: node-a is drained: the only machine that matches"]);
    expect(made.places()).toEqual({ "x.service": "ab" });
    expect(step(made)).toEqual([]);
    made.report("x.service", "b", "activating");
    expect(step(made)).toEqual([]);
    made.report("x.service", "b", "active");
    expect(step(made)).toEqual([]);
    made.wait(SETTLE_MS);
    expect(step(made)).toEqual(["x.service a->b: node-a is drained: the only machine that matches"]);
    expect(made.places()).toEqual({ "x.service": "b" });
    expect(step(made)).toEqual([]);
  });

  test("stays where its copy has failed, and is tried elsewhere, then there again after a pause", () => {
    const made = running(cluster("a", "b", "c"), { "x.service": "a" }).drain("a");
    step(made);
    made.report("x.service", "b", "failed", { result: "exit-code" });
    expect(step(made)).toEqual([
      "x.service b->: its copy came to nothing: exit-code",
      "x.service ->c: node-a is drained: least loaded of 2 machines that match (0 units)",
      "x.service ->a: its copy failed on node-b",
    ]);
    made.state.states.get(machineId("b"))?.delete("x.service");
    made.report("x.service", "c", "failed", { result: "signal" });
    expect(step(made)).toEqual([
      "x.service c->: its copy came to nothing: signal",
      "x.service ->a: its copy failed on node-c",
    ]);
    expect(made.places()).toEqual({ "x.service": "a" });
    const plan = made.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.moves).toMatchObject([{ unit: "x.service", phase: "staying" }]);
    expect(plan.moves[0]?.reason).toBe("it fits on no other machine: 2 machines: 2 have had it fail");
    made.wait(31_000);
    expect(step(made)).toHaveLength(1);
  });
});
