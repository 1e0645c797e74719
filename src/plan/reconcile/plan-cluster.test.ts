import { describe, expect, test } from "vitest";
import { type ClusterBuilder, cluster, inWords, machineId, START_MS } from "#plan/testing/cluster-builder.ts";

/** The state after one plan, which must leave nothing to do. */
function settled(made: ClusterBuilder): Readonly<Record<string, string>> {
  const places = made.settle();
  expect(inWords(made.plan())).toEqual([]);
  return places;
}

const CONFLICTS = { placement: { conflicts: ["c*.service"] } };

describe("planCluster: what is asked for", () => {
  const rows: readonly [why: string, made: ClusterBuilder, steps: readonly string[]][] = [
    [
      "units go to the least loaded machines, ties by machine ID",
      cluster("b", "a").unit("x.service").unit("y.service").unit("z.service"),
      [
        "x.service ->a: least loaded of 2 machines that match (0 units)",
        "y.service ->b: least loaded of 2 machines that match (0 units)",
        "z.service ->a: least loaded of 2 machines that match (1 unit)",
      ],
    ],
    [
      "a unit that is only submitted goes nowhere",
      cluster("a").unit("x.service", { desired: "inactive" }),
      [],
    ],
    [
      "a unit nobody asks for any more is taken off",
      cluster("a")
        .unit("x.service", { on: ["a"] })
        .ask("x.service", "inactive"),
      ["x.service a->: operator asked for inactive"],
    ],
    [
      "a destroyed unit is taken off",
      cluster("a").assign("x.service", "a"),
      ["x.service a->: the unit was destroyed"],
    ],
    [
      "a loaded unit is launched where it is",
      cluster("a", "b")
        .unit("x.service", { desired: "loaded", on: ["b"] })
        .ask("x.service", "launched"),
      ["x.service ->b: operator asked for launched"],
    ],
    [
      "a restart is a change in place",
      cluster("a", "b")
        .unit("x.service", { on: ["b"] })
        .restart("x.service"),
      ["x.service ->b: operator asked to start it again"],
    ],
    ["a template is never placed", cluster("a").unit("x@.service"), []],
    ["nothing is done where all is well", cluster("a", "b").unit("x.service", { on: ["b"] }), []],
    [
      "of two machines that have a unit the longer assigned keeps it",
      cluster("a", "b")
        .unit("x.service", { on: ["b"] })
        .assign("x.service", "a", { assignedMs: 5 }),
      ["x.service a->: it is on node-b already"],
    ],
  ];
  test.each(rows)("%s", (_why, made, steps) => {
    expect(inWords(made.plan())).toEqual(steps);
    expect(inWords(made.apply(made.plan()).plan())).toEqual([]);
  });

  test("a new unit file is put in place with the old reason kept", () => {
    const made = cluster("a", "b").unit("x.service", { on: ["b"] });
    made.unit("x.service", { placement: { prefer: [{ key: "a", value: "b", weight: 1 }] } });
    const [step] = made.plan().steps;
    expect(step).toMatchObject({
      kind: "assign",
      machine: machineId("b"),
      assignment: { reason: "was put there" },
    });
    expect(step?.reason).toMatch(/^new unit file [0-9a-f]{7}$/);
  });

  test("a file nothing refers to is collected", () => {
    const made = cluster("a")
      .unit("x.service")
      .unit("x.service", { placement: { global: true } });
    expect(inWords(made.plan()).at(-1)).toMatch(/^collect [0-9a-f]{7}: no unit refers to it$/);
    made.apply(made.plan());
    expect(made.state.files.size).toBe(1);
  });

  test("a unit whose file is missing says so and is left alone where it is", () => {
    const made = cluster("a")
      .unit("x.service")
      .unit("y.service", { on: ["a"] });
    made.state.files.clear();
    const plan = made.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.unplaced).toMatchObject([
      { unit: "x.service", summary: expect.stringMatching(/is missing$/) },
    ]);
  });
});

describe("planCluster: fleet's scheduling cases", () => {
  test("conflicting units: exactly one a machine, the rest say why not", () => {
    const made = cluster("a", "b", "c");
    for (const index of [1, 2, 3, 4, 5]) made.unit(`c${index}.service`, CONFLICTS);
    const plan = made.plan();
    expect(settled(made)).toEqual({ "c1.service": "a", "c2.service": "b", "c3.service": "c" });
    expect(plan.unplaced.map(({ unit, summary }) => `${unit}: ${summary}`)).toEqual([
      "c4.service: 3 machines: 3 have units it cannot be with",
      "c5.service: 3 machines: 3 have units it cannot be with",
    ]);
  });

  test("a conflicting unit of a lost machine takes the free machine, the others stay", () => {
    const made = cluster("a", "b", "c", "d");
    for (const [at, on] of ["a", "b", "c"].entries()) made.unit(`c${at}.service`, { ...CONFLICTS, on: [on] });
    expect(settled(made.lose("a"))).toEqual({ "c0.service": "d", "c1.service": "b", "c2.service": "c" });
  });

  test("replacing one member moves exactly one unit", () => {
    const made = cluster("a", "b", "c");
    for (const [at, on] of ["a", "b", "c"].entries()) made.unit(`c${at}.service`, { ...CONFLICTS, on: [on] });
    made.lose("b").machine("e");
    expect(inWords(made.plan())).toEqual([
      "c1.service b->e: machine bbbbbbbb is gone: least loaded of 3 machines that match (0 units)",
    ]);
  });

  test("a conflict declared on one side holds for both, until the blocker is destroyed", () => {
    const made = cluster("a")
      .unit("x.service", { placement: { conflicts: ["y.service"] }, on: ["a"] })
      .unit("y.service");
    expect(settled(made)).toEqual({ "x.service": "a" });
    made.state.units.delete("x.service");
    expect(made.settle()).toEqual({ "y.service": "a" });
  });

  test("a chain of followers is placed, and follows a lost peer, in one plan", () => {
    const made = cluster("a", "b", "c")
      .unit("a-second.service", { placement: { machineOf: ["b-first.service"] } })
      .unit("b-first.service", { placement: { machineOf: ["peer.service"] } })
      .unit("peer.service");
    expect(settled(made)).toEqual({ "a-second.service": "a", "b-first.service": "a", "peer.service": "a" });
    expect(settled(made.lose("a"))).toEqual({
      "a-second.service": "b",
      "b-first.service": "b",
      "peer.service": "b",
    });
  });

  test("a follower follows a peer that moves for its metadata", () => {
    const made = cluster("a", "b")
      .unit("peer.service", { placement: { metadata: [{ key: "disk", values: ["ssd"] }] } })
      .unit("side.service", { placement: { machineOf: ["peer.service"] } });
    expect(made.settle()).toEqual({});
    made.label("a", { disk: "ssd" });
    expect(settled(made)).toEqual({ "peer.service": "a", "side.service": "a" });
    made.label("a", { disk: "hdd" }).label("b", { disk: "ssd" });
    expect(inWords(made.plan())).toEqual([
      "peer.service a->b: node-a has disk=hdd, the unit asks for disk=ssd: the only machine that matches",
      "side.service a->b: node-a no longer has peer.service (MachineOf): with peer.service (MachineOf), least loaded of 2 machines that match (1 unit)",
    ]);
    expect(settled(made)).toEqual({ "peer.service": "b", "side.service": "b" });
  });

  test("units that follow each other are never placed", () => {
    const made = cluster("a")
      .unit("x.service", { placement: { machineOf: ["y.service"] } })
      .unit("y.service", { placement: { machineOf: ["x.service"] } });
    expect(made.plan().unplaced.map(({ summary }) => summary)).toEqual([
      "1 machine: 1 does not have y.service (MachineOf)",
      "1 machine: 1 does not have x.service (MachineOf)",
    ]);
  });

  test("a unit that replaces another takes its place, the other goes elsewhere", () => {
    const made = cluster("a", "b")
      .unit("old.service", { on: ["a"] })
      .unit("x.service", { on: ["b"] });
    made.unit("new.service", { placement: { replaces: ["old.*"] } });
    expect(inWords(made.plan())).toEqual([
      "new.service ->a: least loaded of 2 machines that match (1 unit)",
      "old.service a->b: replaced by new.service on node-a: least loaded of 2 machines that match (1 unit)",
    ]);
    expect(settled(made)).toEqual({ "new.service": "a", "old.service": "b", "x.service": "b" });
  });

  test("what is replaced is not moved where it may not be", () => {
    const placement = { metadata: [{ key: "disk", values: ["ssd"] }] };
    const made = cluster()
      .machine("a", { disk: "ssd" })
      .unit("old.service", { placement, on: ["a"] });
    made.unit("new.service", { placement: { replaces: ["old.service"] } });
    const plan = made.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.unplaced[0]?.refusals[0]?.text).toBe(
      "has old.service, which the unit replaces but which fits on no other machine",
    );
  });

  test("units that replace each other are on two machines; where there is one, the first stays and the other waits", () => {
    const made = (...machines: readonly string[]): ClusterBuilder =>
      cluster(...machines)
        .unit("x.service", { placement: { replaces: ["y.service"] }, on: ["a"] })
        .unit("y.service", { placement: { replaces: ["x.service"] } });
    expect(settled(made("a", "b"))).toEqual({ "x.service": "a", "y.service": "b" });
    expect(settled(made("a"))).toEqual({ "x.service": "a" });
    expect(made("a").plan().unplaced[0]?.refusals[0]?.text).toBe("has x.service, which replaces the unit");
  });

  test("followers go along with a peer that is replaced", () => {
    const made = cluster("a", "b")
      .unit("old.service", { on: ["a"] })
      .unit("busy.service", { on: ["b"] });
    made
      .unit("busy2.service", { on: ["b"] })
      .unit("new.service", { placement: { replaces: ["old.service"] } });
    made.unit("side.service", { placement: { machineOf: ["old.service"] }, on: ["a"] });
    const { "old.service": old, "side.service": side, "new.service": fresh } = settled(made);
    expect([old, side]).toEqual([side, old]);
    expect(old).not.toBe(fresh);
  });

  test("MachineID pins by the full ID and by its first eight digits", () => {
    const made = cluster("a", "b", "c")
      .unit("x.service", { placement: { machineId: machineId("c") } })
      .unit("y.service", { placement: { machineId: "bbbbbbbb" } });
    expect(settled(made)).toEqual({ "x.service": "c", "y.service": "b" });
    made.lose("c");
    expect(made.plan().unplaced[0]?.summary).toBe("2 machines: 2 are not the machine it is pinned to");
    expect(made.machine("c").plan().steps).toEqual([]);
  });

  test("a global unit runs once on every machine that it may be on, and follows them", () => {
    const placement = { global: true, metadata: [{ key: "role", values: ["web"] }] };
    const made = cluster().machine("a", { role: "web" }).machine("b", { role: "web" }).machine("c");
    made.unit("g.service", { placement }).unit("x.service").unit("y.service");
    expect(settled(made)).toEqual({ "g.service": "ab", "x.service": "c", "y.service": "a" });
    made.label("c", { role: "web" }).label("a", { role: null });
    expect(inWords(made.plan())).toEqual([
      "g.service a->: node-a has no role, the unit asks for role=web",
      "g.service ->c: global unit",
    ]);
  });

  test("a global unit stays assigned to a machine that is away, which goes on with it when it is back", () => {
    const made = cluster("a", "b")
      .unit("g.service", { placement: { global: true } })
      .unit("x.service");
    expect(settled(made)).toMatchObject({ "g.service": "ab" });
    const gone = made.lose("b");
    expect(settled(gone)).toMatchObject({ "g.service": "ab" });
    expect(gone.plan().holding).toBeUndefined();
    expect(inWords(gone.machine("b").plan())).toEqual([]);
  });

  test("of two conflicting global units the second is started nowhere", () => {
    const global = { global: true, conflicts: ["g*.service"] };
    const made = cluster("a", "b")
      .unit("g1.service", { placement: global })
      .unit("g2.service", { placement: global });
    expect(settled(made)).toEqual({ "g1.service": "ab" });
    expect(made.plan().unplaced.map(({ unit }) => unit)).toEqual(["g2.service"]);
  });
});

describe("planCluster: stability", () => {
  test("cordons, resources, MaxPerMachine and Spread keep new units away and move none", () => {
    const placement = { maxPerMachine: 1, spread: ["machine"], reservation: { memoryBytes: 3 * 1024 ** 3 } };
    const made = cluster("a", "b").unit("x@1.service", { placement, on: ["a"] });
    made.unit("x@2.service", { placement, on: ["a"] }).cordon("a");
    expect(made.plan().steps).toEqual([]);
    made.unit("x@3.service", { placement }).unit("x@4.service", { placement });
    expect(settled(made)).toMatchObject({ "x@3.service": "b" });
    expect(made.plan().unplaced[0]?.refusals.map(({ code }) => code)).toEqual([
      "cordoned",
      "max-per-machine",
    ]);
  });

  test("a machine that comes back gets nothing back unasked", () => {
    const made = cluster("a", "b", "c")
      .unit("x.service", { on: ["a"] })
      .lose("a");
    made.settle();
    expect(made.machine("a").plan().steps).toEqual([]);
  });
});

describe("planCluster: losses", () => {
  function half(): ClusterBuilder {
    return cluster("a", "b", "c", "d")
      .unit("x.service", { on: ["a"] })
      .unit("y.service", { on: ["b"] })
      .lose("a", "b");
  }

  test("when half of the machines vanish at once nothing of theirs is moved until it has settled", () => {
    const made = half().unit("z.service");
    const plan = made.plan();
    expect(inWords(plan)).toEqual(["z.service ->c: least loaded of 2 machines that match (0 units)"]);
    expect(plan.holding?.reason).toMatch(/^2 of 4 machines are gone/);
    expect(plan.wakeAtMs).toBe(START_MS + made.settings.settleMs);
    expect(plan.unplaced).toEqual([]);
    expect(settled(made.wait(made.settings.settleMs))).toEqual({
      "x.service": "c",
      "y.service": "d",
      "z.service": "c",
    });
  });

  test("the operator's word is not held back", () => {
    expect(inWords(half().ask("x.service", "inactive").plan())).toEqual([
      "x.service a->: operator asked for inactive",
    ]);
  });

  test("machines that come back in time keep their units", () => {
    expect(half().wait(100).machine("a").machine("b").plan().steps).toEqual([]);
  });

  test("one lost machine of three is no stampede", () => {
    const plan = cluster("a", "b", "c")
      .unit("x.service", { on: ["a"] })
      .lose("a")
      .plan();
    expect(plan.holding).toBeUndefined();
    expect(plan.steps).toHaveLength(1);
  });

  test("a strict unit waits for its margin after its machine was lost", () => {
    const made = cluster("a", "b")
      .unit("x.service", { placement: { failover: "strict" }, on: ["a"] })
      .lose("a")
      .wait(500);
    const plan = made.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.wakeAtMs).toBe(START_MS + made.settings.strictMarginMs);
    expect(plan.unplaced[0]?.refusals).toMatchObject([{ code: "strict-wait", machine: machineId("a") }]);
    expect(plan.unplaced[0]?.summary).toMatch(/^waits 1\.5 ?s more/);
    expect(settled(made.wait(1_500))).toEqual({ "x.service": "b" });
  });

  test("a strict unit that moves is started elsewhere only after it has stopped", () => {
    const placement = { failover: "strict", metadata: [{ key: "disk", values: ["ssd"] }] } as const;
    const made = cluster("a")
      .machine("b", { disk: "ssd" })
      .unit("x.service", { placement, on: ["a"] });
    made.report("x.service", "a", "active");
    expect(inWords(made.plan())).toEqual(["x.service a->: node-a has no disk, the unit asks for disk=ssd"]);
    expect(settled(made)).toEqual({});
    expect(made.plan().unplaced[0]?.summary).toBe(
      "waits until its copy on node-a has stopped (Failover=strict)",
    );
    expect(settled(made.report("x.service", "a", "inactive"))).toEqual({ "x.service": "b" });
  });
});

describe("planCluster: oneshots that have finished", () => {
  test.each([
    [
      "stay where they ran",
      cluster("a", "b")
        .unit("x.service", { on: ["a"] })
        .finish("x.service", "a"),
      [],
    ],
    ["are not placed", cluster("a").unit("x.service").finish("x.service", "a"), []],
    [
      "leave a lost machine and go nowhere else",
      cluster("a", "b")
        .unit("x.service", { on: ["a"] })
        .finish("x.service", "a")
        .lose("a"),
      ["x.service a->: machine aaaaaaaa is gone"],
    ],
    [
      "are placed again when started again",
      cluster("a").unit("x.service").finish("x.service", "a").restart("x.service"),
      ["x.service ->a: the only machine that matches"],
    ],
    [
      "which are global are told apart by nobody but the agent",
      cluster("a")
        .unit("x.service", { placement: { global: true } })
        .finish("x.service", "a"),
      ["x.service ->a: global unit"],
    ],
  ])("%s", (_why, made, steps) => {
    expect(inWords(made.plan())).toEqual(steps);
  });
});
