/** What holds of moves whatever is drained, fails, comes and goes, by name. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ClusterPlan, PendingMove } from "#plan/cluster-plan.ts";
import { groupOf } from "#plan/schedule/group.ts";
import { ClusterBuilder, machineId } from "#plan/testing/cluster-builder.ts";
import { ANYWHERE, type Placement } from "#unit/placement.ts";

const SHORTS = ["a", "b", "c", "d"];
const UNITS = ["w@1.service", "w@2.service", "w@3.service", "x.service", "y.service", "g.service"];

type Happening = (made: ClusterBuilder) => unknown;

const short = fc.constantFrom(...SHORTS);
const unit = fc.constantFrom(...UNITS);

const placement: fc.Arbitrary<Partial<Placement>> = fc.record(
  {
    metadata: fc.constant([{ key: "disk", values: ["ssd"] }]),
    machineOf: fc.subarray(["x.service"], { maxLength: 1 }),
    conflicts: fc.subarray(["y.service"], { maxLength: 1 }),
    overlap: fc.boolean(),
    maxUnavailable: fc.constantFrom({ units: 1 }, { share: 0.5 }),
    reservation: fc.constant({ memoryBytes: 2 ** 31 }),
    global: fc.constant(true),
  },
  { requiredKeys: [] },
);

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.tuple(unit, placement).map(
    ([name, wish]): Happening =>
      (made) =>
        made.unit(name, { placement: wish }),
  ),
  fc.tuple(short, fc.boolean()).map(
    ([name, force]): Happening =>
      (made) =>
        made.drain(name, { force }),
  ),
  short.map(
    (name): Happening =>
      (made) =>
        made.drain(name, { untilMs: 1 }).passDeadline(name),
  ),
  short.map(
    (name): Happening =>
      (made) =>
        made.undrain(name),
  ),
  short.map(
    (name): Happening =>
      (made) =>
        made.lose(name),
  ),
  fc.tuple(short, fc.constantFrom("ssd", "hdd")).map(
    ([name, disk]): Happening =>
      (made) =>
        made.machine(name, { disk }),
  ),
  fc.tuple(unit, fc.constantFrom("inactive", "loaded", "launched")).map(
    ([name, desired]): Happening =>
      (made) =>
        made.ask(name, desired),
  ),
  unit.map(
    (name): Happening =>
      (made) =>
        made.restart(name),
  ),
  fc.boolean().map(
    (strict): Happening =>
      (made) =>
        made.rebalance(strict),
  ),
);

/** What agents do in between: units come up or fail, and what is no longer assigned stops. */
function agentsWork(made: ClusterBuilder, fails: boolean): void {
  for (const states of made.state.states.values()) states.clear();
  for (const [machine, assigned] of made.state.assignments) {
    if (!made.state.machines.has(machine)) continue;
    for (const [name, { movesFrom, desired, file, launch }] of assigned) {
      const active =
        desired === "loaded" ? "inactive" : fails && movesFrom !== undefined ? "failed" : "active";
      made.report(name, machine.slice(0, 1), active, { file, launch });
    }
  }
  made.wait(1_000);
}

function placementOf(made: ClusterBuilder, name: string): Placement {
  return made.placements.get(made.state.units.get(name)?.file ?? "") ?? ANYWHERE;
}

function homesOf(made: ClusterBuilder, name: string): readonly string[] {
  return [...made.state.assignments].filter(([, units]) => units.has(name)).map(([machine]) => machine);
}

/** Each happening is followed by a plan and the agents' work; `check` sees the cluster before and after the plan. */
function throughout(check: (made: ClusterBuilder, plan: ClusterPlan) => void, numRuns = 150): void {
  const story = fc.array(fc.tuple(happening, fc.boolean()), { maxLength: 25 });
  fc.assert(
    fc.property(story, (told) => {
      const made = new ClusterBuilder().machine("a", { disk: "ssd" }).machine("b", { disk: "hdd" });
      for (const [happens, fails] of told) {
        happens(made);
        const plan = made.plan();
        check(made, plan);
        made.apply(plan);
        agentsWork(made, fails);
      }
    }),
    { numRuns },
  );
}

describe("moves", () => {
  test("a unit that may not overlap never has a second machine, any other no third", () => {
    throughout((made, plan) => {
      made.apply(plan);
      for (const name of UNITS) {
        const wish = placementOf(made, name);
        if (wish.global) continue;
        expect(homesOf(made, name).length, name).toBeLessThanOrEqual(wish.overlap ? 2 : 1);
      }
    });
  });

  test("of two machines one says that the unit comes from the other", () => {
    throughout((made, plan) => {
      made.apply(plan);
      for (const name of UNITS.filter((one) => !placementOf(made, one).global)) {
        const homes = homesOf(made, name);
        if (homes.length < 2) continue;
        const from = homes.map((home) => made.state.assignments.get(home)?.get(name)?.movesFrom);
        expect(from.filter((home) => home !== undefined && homes.includes(home))).toHaveLength(1);
      }
    });
  });

  test("nothing comes to a drained machine, and every step and every wait has a reason", () => {
    throughout((made, plan) => {
      for (const step of plan.steps) {
        expect(step.reason).not.toBe("");
        if (step.kind !== "assign") continue;
        const isNew = made.state.assignments.get(step.machine)?.has(step.unit) !== true;
        if (isNew) expect(made.state.machineConfigs.get(step.machine)?.drain).toBeUndefined();
      }
      for (const { reason } of plan.moves) expect(reason).not.toBe("");
    });
  });

  test("no more of a template begin to move than it allows", () => {
    throughout((made, plan) => {
      const wish = placementOf(made, "w@1.service");
      const members = UNITS.filter((name) => groupOf(name) === "w@.service");
      const same = members.every((name) => placementOf(made, name).maxUnavailable === wish.maxUnavailable);
      const isCalm = [...made.state.machineConfigs.values()].every(
        ({ drain }) => drain?.untilMs === undefined,
      );
      if (wish.maxUnavailable === undefined || !same || !isCalm) return;
      const begun = plan.steps.filter(
        (step) =>
          step.kind === "assign" && members.includes(step.unit) && step.assignment.movesFrom !== undefined,
      );
      const allowed =
        "units" in wish.maxUnavailable ? 1 : Math.ceil(wish.maxUnavailable.share * members.length);
      expect(begun.length).toBeLessThanOrEqual(allowed);
    });
  });

  test("a drain ends: what can go has gone, and what is left says why", () => {
    throughout((made) => {
      const later = 40;
      for (let round = 0; round < later; round++) {
        made.apply(made.plan());
        agentsWork(made, false);
        made.wait(10_000);
      }
      const plan = made.plan();
      expect(plan.steps).toEqual([]);
      const isLasting = ({ phase, stuck }: PendingMove): boolean => phase === "staying" || stuck === true;
      const staying = new Set(plan.moves.filter(isLasting).map((move) => move.unit));
      for (const name of SHORTS) {
        const drained = made.state.machineConfigs.get(machineId(name))?.drain !== undefined;
        if (!drained || !made.state.machines.has(machineId(name))) continue;
        const left = [...(made.state.assignments.get(machineId(name))?.keys() ?? [])];
        const silent = left.filter((one) => !staying.has(one) && !placementOf(made, one).global);
        expect(silent).toEqual([]);
        if (left.every((one) => placementOf(made, one).global)) expect(left).toEqual([]);
      }
    }, 60);
  });
});
