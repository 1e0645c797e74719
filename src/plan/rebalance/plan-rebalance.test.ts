import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ClusterBuilder, cluster, inWords, machineId } from "#plan/testing/cluster-builder.ts";
import type { Placement } from "#unit/placement.ts";
import { planRebalance, type RebalancePlan } from "./plan-rebalance.ts";

function planOf(made: ClusterBuilder, strict = false): RebalancePlan {
  return planRebalance(made.state, made.context(), { strict });
}

function inShort({ moves }: RebalancePlan): readonly string[] {
  return moves.map(({ unit, from, to, reason }) => `${unit} ${from[0]}->${to[0]}: ${reason}`);
}

/** So many units on a machine, all active. */
function crowd(
  made: ClusterBuilder,
  short: string,
  count: number,
  placement: Partial<Placement> = {},
): ClusterBuilder {
  for (let index = 1; index <= count; index++)
    made
      .unit(`${short}${index}.service`, { on: [short], placement })
      .report(`${short}${index}.service`, short, "active");
  return made;
}

describe("planRebalance", () => {
  test("fills a machine that has just joined with as few moves as even the load out", () => {
    const made = crowd(crowd(cluster("a", "b", "c"), "a", 6), "b", 6);
    const plan = planOf(made);
    expect(plan.moves).toHaveLength(4);
    expect(plan.machines.map(({ unitsAfter }) => unitsAfter)).toEqual([4, 4, 4]);
    expect(inShort(plan)[0]).toBe("a1.service a->c: evens the load out: node-a is at 29 %, node-c at 5 %");
  });

  test("prefers one large unit to several small ones", () => {
    const made = crowd(cluster("a", "b"), "a", 4);
    made.unit("large.service", { on: ["a"], placement: { reservation: { memoryBytes: 2 ** 30 } } });
    expect(inShort(planOf(made))).toEqual([
      "large.service a->b: evens the load out: node-a is at 45 %, node-b at 0 %",
    ]);
  });

  test("leaves what differs by little", () => {
    expect(planOf(crowd(crowd(cluster("a", "b"), "a", 11), "b", 9)).moves).toEqual([]);
    expect(planOf(crowd(cluster("a", "b"), "a", 1)).moves).toEqual([]);
  });

  test("evens the spread out before the load", () => {
    const made = cluster()
      .machine("a", { zone: "x" })
      .machine("b", { zone: "x" })
      .machine("c", { zone: "y" });
    for (const [index, short] of ["a", "a", "b"].entries())
      made.unit(`w@${index}.service`, { on: [short], placement: { spread: ["zone"] } });
    expect(inShort(planOf(made))).toEqual([
      "w@0.service a->c: spreads w@.service over zone: 2 others where it is, 0 there",
    ]);
  });

  test("brings units where they would rather be", () => {
    const made = cluster().machine("a").machine("b", { disk: "ssd" });
    made.unit("x.service", { on: ["a"], placement: { prefer: [{ key: "disk", value: "ssd", weight: 1 }] } });
    expect(inShort(planOf(made))).toEqual(["x.service a->b: it prefers that machine"]);
  });

  test.each<[why: string, placement: Partial<Placement>]>([
    ["strict units", { failover: "strict" }],
    ["units that may not overlap", { overlap: false }],
  ])("leaves %s alone unless it is told otherwise", (_why, placement) => {
    const made = crowd(cluster("a", "b"), "a", 4, placement);
    expect(planOf(made).moves).toEqual([]);
    expect(planOf(made, true).moves).toHaveLength(2);
  });

  test("leaves alone what has to be with others, global and pinned units, and machines that are cordoned or drained", () => {
    const made = crowd(cluster("a", "b"), "a", 4, { machineId: machineId("a") });
    made.unit("g.service", { on: ["a", "b"], placement: { global: true } });
    made
      .unit("peer.service", { on: ["a"] })
      .unit("f.service", { on: ["a"], placement: { machineOf: ["peer.service"] } });
    expect(planOf(made).moves).toEqual([]);
    const even = crowd(cluster("a", "b"), "a", 4);
    expect(planOf(even.cordon("a")).moves).toEqual([]);
    expect(planOf(even.cordon("a", false).drain("b")).moves).toEqual([]);
  });
});

describe("a rebalance that was asked for", () => {
  test("moves make-before-break and is closed when all is done", () => {
    const made = crowd(cluster("a", "b"), "a", 2);
    expect(made.rebalance()).toBe(1);
    const begun = made.plan();
    expect(inWords(begun)).toEqual([
      "a1.service ->b: rebalance: evens the load out: node-a is at 10 %, node-b at 0 %",
    ]);
    made.apply(begun);
    expect(made.places()["a1.service"]).toBe("ab");
    expect(inWords(made.plan())).toEqual([]);
    made.report("a1.service", "b", "active").wait(1_000);
    expect(inWords(made.plan())).toHaveLength(1);
    made.apply(made.plan());
    expect(inWords(made.plan())).toEqual(["rebalance: its one unit has moved"]);
    made.apply(made.plan());
    expect(made.state.rebalance).toBeUndefined();
    expect(inWords(made.plan())).toEqual([]);
    expect(planOf(made).moves).toEqual([]);
  });

  test("is closed when a move has become impossible", () => {
    const made = crowd(cluster("a", "b"), "a", 2);
    made.rebalance();
    made.cordon("b");
    expect(inWords(made.plan())).toEqual(["rebalance: 0 of 1 units have moved; not a1.service"]);
  });

  test("is closed when its units would wait without end, as another of their template is down for good", () => {
    const alone = { overlap: false };
    const made = crowd(cluster("a", "b"), "a", 2);
    made.unit("w@1.service", { on: ["a"], placement: alone }).report("w@1.service", "a", "active");
    made.unit("w@2.service", { placement: { ...alone, machineId: machineId("f") } });
    const move = { unit: "w@1.service", from: machineId("a"), to: machineId("b"), reason: "evens" };
    made.state.rebalance = { moves: [move], revision: "1", askedMs: 0 };
    expect(inWords(made.plan())).toEqual(["rebalance: 0 of 1 units have moved; not w@1.service"]);
    made.state.units.delete("w@2.service");
    expect(inWords(made.plan())).toContain("w@1.service a->: rebalance: evens");
  });

  test("does not try a move again that has failed", () => {
    const made = crowd(cluster("a", "b"), "a", 2);
    made.rebalance();
    made.apply(made.plan()).report("a1.service", "b", "failed", { result: "exit-code" });
    made.apply(made.plan());
    expect(made.places()["a1.service"]).toBe("a");
    made.apply(made.plan());
    expect(made.state.rebalance).toBeUndefined();
  });
});

describe("properties", () => {
  const wish: fc.Arbitrary<Partial<Placement>> = fc.record(
    {
      metadata: fc.constant([{ key: "disk", values: ["ssd"] }]),
      spread: fc.subarray(["disk", "machine"]),
      prefer: fc.constant([{ key: "disk", value: "ssd", weight: 2 }]),
      conflicts: fc.constant(["w@*.service"]),
      maxPerMachine: fc.constant(2),
      reservation: fc.constantFrom({ memoryBytes: 2 ** 30 }, { cpuMillis: 900 }),
      overlap: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  const story = fc.record({
    machines: fc.array(fc.constantFrom("ssd", "hdd"), { minLength: 1, maxLength: 5 }),
    units: fc.array(fc.tuple(fc.boolean(), fc.nat(4), wish), { maxLength: 25 }),
  });

  function build({
    machines,
    units,
  }: typeof story extends fc.Arbitrary<infer T> ? T : never): ClusterBuilder {
    const made = cluster();
    for (const [index, disk] of machines.entries()) made.machine("abcde"[index] ?? "a", { disk });
    for (const [index, [isInstance, at, placement]] of units.entries()) {
      const short = "abcde"[at % machines.length] ?? "a";
      const name = isInstance ? `w@${index}.service` : `u${index}.service`;
      made.unit(name, { on: [short], placement }).report(name, short, "active");
    }
    // What cannot stay where it was put is moved first, since that is no affair of a rebalance.
    for (let round = 0; round < 30; round++) {
      const { steps, moves } = made.apply(made.plan()).plan();
      for (const [machine, assigned] of made.state.assignments)
        for (const unit of assigned.keys()) made.report(unit, machine.slice(0, 1), "active");
      made.wait(1_000);
      if (steps.length === 0 && moves.length === 0) break;
    }
    return made;
  }

  const highest = ({ machines }: RebalancePlan, when: "loadBefore" | "loadAfter"): number =>
    Math.max(...machines.map((machine) => machine[when]));

  test("a plan that is carried out leaves an empty one, and every move says what it gains", () => {
    fc.assert(
      fc.property(story, fc.boolean(), (told, strict) => {
        const made = build(told);
        const { moves } = planOf(made, strict);
        for (const { unit, from, to, reason } of moves) {
          expect(reason).not.toBe("");
          const assignment = made.state.assignments.get(from)?.get(unit);
          expect(assignment).toBeDefined();
          made.state.assignments.get(from)?.delete(unit);
          made.assign(unit, to.slice(0, 1), { assignedMs: 1 });
        }
        expect(planOf(made, strict).moves).toEqual([]);
        // Where nothing was free before, a unit may find its place now; nothing that has one leaves it.
        expect(inWords(made.plan()).filter((step) => !step.includes(" ->"))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("the load alone never makes the highest load higher", () => {
    fc.assert(
      fc.property(story, (told) => {
        const plain = told.units.map(
          ([one, at, { spread: _, prefer: __, ...rest }]) => [one, at, rest] as const,
        );
        const plan = planOf(build({ ...told, units: plain.map((unit) => [...unit]) }));
        expect(highest(plan, "loadAfter")).toBeLessThanOrEqual(highest(plan, "loadBefore") + 1e-9);
      }),
      { numRuns: 200 },
    );
  });

  test("the engine carries it out and closes it", () => {
    fc.assert(
      fc.property(story, (told) => {
        const made = build(told);
        made.rebalance(true);
        for (let round = 0; round < 200 && made.state.rebalance !== undefined; round++) {
          made.apply(made.plan());
          for (const states of made.state.states.values()) states.clear();
          for (const [machine, assigned] of made.state.assignments)
            for (const unit of assigned.keys()) made.report(unit, machine.slice(0, 1), "active");
          made.wait(1_000);
        }
        expect(made.state.rebalance).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });
});
