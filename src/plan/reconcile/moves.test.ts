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

describe("a unit that has to be with another", () => {
  const leader = { overlap: false };
  const follower = { machineOf: ["lead.service"] };

  function pair(desired: "loaded" | "launched"): ClusterBuilder {
    return cluster("a", "b")
      .unit("lead.service", { on: ["a"], placement: leader })
      .report("lead.service", "a", "active")
      .unit("side.service", { on: ["a"], placement: follower, desired })
      .report("side.service", "a", desired === "loaded" ? "inactive" : "active")
      .drain("a");
  }

  test("is put nowhere until that has stopped and is elsewhere, where it runs nothing that could stay", () => {
    const made = pair("loaded");
    const plan = made.plan();
    expect(inWords(plan)).toEqual([
      "lead.service a->: node-a is drained",
      "side.service a->: node-a is drained",
    ]);
    expect(plan.unplaced.map(({ summary }) => summary)).toEqual([
      "waits until its copy on node-a has stopped (Overlap=no)",
      "waits until lead.service, which it has to be with (MachineOf), is on node-b",
    ]);
    made.apply(plan).report("lead.service", "a", "inactive");
    expect(made.settle()).toEqual({ "lead.service": "b", "side.service": "b" });
  });

  test("stays with it while that cannot go yet", () => {
    const made = pair("loaded").report("lead.service", "a", "activating");
    const plan = made.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.moves.map(({ unit, reason }) => `${unit}: ${reason}`)).toEqual([
      "lead.service: it is still starting, or has a job under way, on node-a",
      "side.service: lead.service, which it has to be with (MachineOf), comes first",
    ]);
  });

  test("is not put, being new, where that has yet to stop elsewhere for", () => {
    const made = cluster("a", "b")
      .unit("first.service", { on: ["a"] })
      .unit("lead.service", {
        on: ["a"],
        placement: { ...leader, conflicts: ["first.service"] },
        assignedMs: 1,
      });
    made.report("lead.service", "a", "active").unit("side.service", { placement: follower });
    const plan = made.plan();
    expect(inWords(plan)).toEqual([
      "lead.service a->: node-a has first.service, which the unit conflicts with (Conflicts=first.service)",
    ]);
    expect(plan.unplaced.map(({ summary }) => summary)).toContain(
      "waits until lead.service, which it has to be with (MachineOf), is on node-b",
    );
    made.apply(plan).report("lead.service", "a", "inactive");
    expect(made.settle()).toMatchObject({ "lead.service": "b", "side.service": "b" });
  });
});

describe("a move that comes to nothing", () => {
  const GIB = 2 ** 30;

  test("leaves the unit where it runs, also where others want its place", () => {
    const big = { reservation: { memoryBytes: 3 * GIB } };
    const made = running(cluster("a", "b", "c"), { "x.service": "a", "y.service": "c" }, big);
    made.state.rebalance = {
      moves: [{ unit: "x.service", from: machineId("a"), to: machineId("b"), reason: "evens" }],
      ...{ revision: "1", askedMs: 0 },
    };
    expect(made.settle()["x.service"]).toBe("ab");
    made.drain("b").drain("c");
    expect(made.settle()).toEqual({ "x.service": "a", "y.service": "c" });
    expect(made.plan().moves).toMatchObject([{ unit: "y.service", phase: "staying" }]);
  });

  test("is not tried over and over with a file that was replaced while it was under way", () => {
    const made = running(cluster("a", "b", "c"), { "x.service": "a" }).drain("a");
    expect(made.settle()["x.service"]).toBe("ab");
    made.unit("x.service", { placement: { prefer: [] } }).restart("x.service");
    made.settle();
    for (const short of ["b", "c"]) {
      made.report("x.service", short, "failed", { result: "exit-code" }).settle();
      made.forget("x.service", short);
    }
    expect(made.places()).toEqual({ "x.service": "a" });
    made.settle();
    expect(inWords(made.plan())).toEqual([]);
    const [assignment] = [...(made.state.assignments.get(machineId("a"))?.values() ?? [])];
    expect(assignment?.failedMoves?.map(({ machine }) => machine[0])).toEqual(["b", "c"]);
    expect([assignment?.launch, assignment?.file]).toEqual([2, made.state.units.get("x.service")?.file]);
  });

  test("takes back with it the unit that it has to be with, which is on its way still", () => {
    const made = running(cluster("a", "b"), { "lead.service": "a" });
    running(made, { "side.service": "a" }, { machineOf: ["lead.service"] }).drain("a");
    expect(made.settle()).toEqual({ "lead.service": "ab", "side.service": "ab" });
    made.report("lead.service", "b", "active").report("side.service", "b", "failed").wait(SETTLE_MS);
    expect(made.settle()).toEqual({ "lead.service": "a", "side.service": "a" });
  });

  test("is not told from an earlier copy that is still stopping there, which is waited for", () => {
    const made = running(cluster("a", "b"), { "x.service": "a" })
      .report("x.service", "b", "active")
      .drain("a");
    const plan = made.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.moves.map(({ reason }) => reason)).toEqual([
      "an earlier copy of it is not gone from node-b yet",
    ]);
    expect(made.forget("x.service", "b").settle()).toEqual({ "x.service": "ab" });
  });

  test("cannot leave a unit behind that has followed: it comes when what it follows is active", () => {
    const made = running(cluster("a", "b"), { "lead.service": "a" });
    running(made, { "side.service": "a" }, { machineOf: ["lead.service"] }).drain("a");
    made.settle();
    made.report("side.service", "b", "active").wait(SETTLE_MS);
    expect(made.plan().steps).toEqual([]);
    made.report("lead.service", "b", "active").wait(SETTLE_MS);
    expect(made.settle()).toEqual({ "lead.service": "ab", "side.service": "b" });
    expect(made.settle()).toEqual({ "lead.service": "b", "side.service": "b" });
  });
});

describe("of the instances of a template that allows one to be away", () => {
  const one = { maxUnavailable: { units: 1 } };

  function pool(): ClusterBuilder {
    return running(cluster("a", "b"), { "w@1.service": "a", "w@2.service": "a" }, one).drain("a");
  }

  test("the second waits until the first is over, and that will end", () => {
    const [first, second] = [pool().plan(), pool().plan().moves[0]];
    expect(inWords(first)).toHaveLength(1);
    expect(second?.unit).toBe("w@2.service");
    expect(second?.stuck).toBeUndefined();
  });

  test.each<[why: string, down: (made: ClusterBuilder) => unknown]>([
    ["has failed for good", (made) => made.report("w@2.service", "a", "failed", { result: "exit-code" })],
    [
      "fits nowhere",
      (made) => made.unit("w@3.service", { placement: { ...one, machineId: machineId("f") } }),
    ],
  ])("the others wait without end for one that %s", (_why, down) => {
    const made = pool();
    down(made);
    const waiting = made.plan().moves.filter(({ phase }) => phase === "waiting");
    expect(waiting.map(({ stuck }) => stuck)).toContain(true);
  });
});
