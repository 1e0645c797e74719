/** Safety and liveness of the planner, by name, over random clusters and random things that happen to them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ClusterPlan } from "#plan/cluster-plan.ts";
import { ClusterBuilder, machineId } from "#plan/testing/cluster-builder.ts";
import { matchGlob } from "#unit/glob.ts";
import { ANYWHERE, type Placement } from "#unit/placement.ts";

const SHORTS = ["a", "b", "c", "d", "e"];
const UNITS = [
  "w@1.service",
  "w@2.service",
  "w@3.service",
  "x.service",
  "y.service",
  "z.service",
  "g.service",
];

/** A plan is empty at the latest after so many rounds in which nothing else happens. */
const ROUNDS = 4;

type Happening = (made: ClusterBuilder) => unknown;

const short = fc.constantFrom(...SHORTS);
const unit = fc.constantFrom(...UNITS);
const disk = fc.constantFrom("ssd", "hdd");

const ordinary: fc.Arbitrary<Partial<Placement>> = fc.record(
  {
    metadata: fc.constantFrom([{ key: "disk", values: ["ssd"] }], [{ key: "disk", values: ["ssd", "hdd"] }]),
    machineOf: fc.subarray(["x.service", "y.service"], { maxLength: 1 }),
    conflicts: fc.subarray(["w@*.service", "z.service"], { maxLength: 1 }),
    spread: fc.subarray(["disk", "machine"]),
    maxPerMachine: fc.constant(1),
    reservation: fc.constantFrom({ memoryBytes: 2 ** 31 }, { cpuMillis: 1500 }, { memoryShare: 0.6 }),
    failover: fc.constantFrom("eager" as const, "strict" as const),
  },
  { requiredKeys: [] },
);

const placement: fc.Arbitrary<Partial<Placement>> = fc.oneof(
  { weight: 5, arbitrary: ordinary },
  { weight: 1, arbitrary: fc.record({ global: fc.constant(true), conflicts: fc.subarray(["z.service"]) }) },
  {
    weight: 1,
    arbitrary: fc.record({ replaces: fc.subarray(["x.service", "w@*.service"], { minLength: 1 }) }),
  },
  { weight: 1, arbitrary: fc.record({ machineId: short.map(machineId) }) },
);

/** What happens with what is given, in words in a counterexample. */
function happen<T>(
  what: string,
  given: fc.Arbitrary<T>,
  run: (made: ClusterBuilder, given: T) => unknown,
): fc.Arbitrary<Happening> {
  return given.map((one) =>
    Object.assign((made: ClusterBuilder) => run(made, one), {
      [fc.toStringMethod]: () => `${what} ${fc.stringify(one)}`,
    }),
  );
}

const desired = fc.constantFrom("inactive", "loaded", "launched");

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: happen("unit", fc.tuple(unit, placement), (made, [name, wish]) =>
      made.unit(name, { placement: wish }),
    ),
  },
  {
    weight: 3,
    arbitrary: happen("machine", fc.tuple(short, disk), (made, [name, kind]) =>
      made.machine(name, { disk: kind }),
    ),
  },
  { weight: 2, arbitrary: happen("lose", short, (made, name) => made.lose(name)) },
  happen("cordon", fc.tuple(short, fc.boolean()), (made, [name, on]) => made.cordon(name, on)),
  happen("label", fc.tuple(short, disk), (made, [name, kind]) => made.label(name, { disk: kind })),
  happen("ask", fc.tuple(unit, desired), (made, [name, state]) => made.ask(name, state)),
  happen("restart", unit, (made, name) => made.restart(name)),
  happen("finish", fc.tuple(unit, short), (made, [name, on]) => made.finish(name, on)),
  happen("forget", unit, (made, name) => made.state.units.delete(name)),
  happen("wait", fc.nat({ max: 6_000 }), (made, ms) => made.wait(ms)),
);

/** Each happening is followed by one plan carried out; `check` sees the cluster before and the plan. */
function throughout(check: (made: ClusterBuilder, plan: ClusterPlan) => void, numRuns = 300): void {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 25 }), (story) => {
      const made = new ClusterBuilder().machine("a", { disk: "ssd" }).machine("b", { disk: "hdd" });
      for (const happens of story) {
        happens(made);
        const plan = made.plan();
        check(made, plan);
        made.apply(plan);
      }
    }),
    { numRuns },
  );
}

function placementOf(made: ClusterBuilder, name: string): Placement {
  const file = made.state.units.get(name)?.file;
  return made.placements.get(file ?? "") ?? ANYWHERE;
}

/** Unit to the present machines it is assigned to. */
function presentPlaces(made: ClusterBuilder): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>();
  for (const [machine, units] of made.state.assignments) {
    if (!made.state.machines.has(machine)) continue;
    for (const name of units.keys()) places.set(name, [...(places.get(name) ?? []), machine]);
  }
  return places;
}

function isFinished(made: ClusterBuilder, name: string): boolean {
  const record = made.state.units.get(name);
  const outcome = made.state.outcomes.get(name);
  return outcome !== undefined && outcome.launch === record?.launch && outcome.file === record.file;
}

describe("safety", () => {
  test("never two machines for a unit that is not global", () => {
    throughout((made, plan) => {
      made.apply(plan);
      const doubled = UNITS.filter((name) => {
        const machines = [...made.state.assignments].filter(([, units]) => units.has(name));
        return !placementOf(made, name).global && machines.length > 1;
      });
      expect(doubled).toEqual([]);
    });
  });

  test("nothing is placed on a machine that is gone, cordoned or lacks what the unit asks for", () => {
    throughout((made, plan) => {
      for (const step of plan.steps) {
        if (step.kind !== "assign" || made.state.assignments.get(step.machine)?.has(step.unit)) continue;
        const wish = placementOf(made, step.unit);
        const config = made.state.machineConfigs.get(step.machine);
        const has = config?.metadata.disk ?? made.state.machines.get(step.machine)?.metadata.disk;
        expect(made.state.machines.has(step.machine)).toBe(true);
        expect(config?.cordoned ?? false).toBe(false);
        expect(wish.metadata.every(({ values }) => values.includes(has ?? ""))).toBe(true);
        expect(wish.machineId ?? step.machine).toBe(step.machine);
      }
    });
  });

  test("units that conflict are never together, followers always with their peers", () => {
    throughout((made, plan) => {
      made.apply(plan);
      for (const [machine, units] of made.state.assignments) {
        if (!made.state.machines.has(machine)) continue;
        const live = [...units.keys()].filter((name) => !isFinished(made, name));
        for (const name of live) {
          const { conflicts, machineOf } = placementOf(made, name);
          const clash = live.find(
            (other) => other !== name && conflicts.some((glob) => matchGlob(glob, other)),
          );
          expect(clash).toBeUndefined();
          expect(machineOf.filter((peer) => !units.has(peer))).toEqual([]);
        }
      }
    });
  });

  test("a finished unit is neither placed nor moved", () => {
    throughout((made, plan) => {
      const placed = plan.steps.filter((step) => {
        if (step.kind !== "assign" || placementOf(made, step.unit).global) return false;
        const isThere = made.state.assignments.get(step.machine)?.has(step.unit) === true;
        return isFinished(made, step.unit) && !isThere;
      });
      expect(placed).toEqual([]);
    });
  });

  test("a strict unit is never moved and started in one step", () => {
    throughout((made, plan) => {
      const moved = plan.steps.filter(
        (step) => step.kind === "assign" && step.from !== undefined && made.state.machines.has(step.from),
      );
      const strict = moved.filter(
        (step) => step.kind === "assign" && placementOf(made, step.unit).failover === "strict",
      );
      expect(strict).toEqual([]);
    });
  });

  test("every step has a reason, every unplaced unit a summary", () => {
    throughout((_made, plan) => {
      for (const { reason } of plan.steps) expect(reason).not.toBe("");
      for (const { summary } of plan.unplaced) expect(summary).not.toBe("");
    });
  });
});

describe("liveness", () => {
  test("a plan is empty soon after nothing happens any more", () => {
    throughout((made) => {
      for (let round = 0; round < ROUNDS; round++) made.wait(10_000).apply(made.plan());
      expect(made.plan().steps).toEqual([]);
    }, 150);
  });

  test("nothing is lost: a unit that is asked for is on a machine, finished, or says why not", () => {
    throughout((made) => {
      for (let round = 0; round < ROUNDS; round++) made.wait(10_000).apply(made.plan());
      const places = presentPlaces(made);
      const explained = new Set(made.plan().unplaced.map((unplaced) => unplaced.unit));
      const lost = [...made.state.units].filter(([name, { desired }]) => {
        const isAsked = desired !== "inactive" && (placementOf(made, name).global || !isFinished(made, name));
        return isAsked && !places.has(name) && !explained.has(name);
      });
      expect(lost).toEqual([]);
    }, 150);
  });

  test("the same cluster gives the same plan, whatever order its parts came in", () => {
    throughout((made, plan) => {
      const turned = new ClusterBuilder();
      for (const [key, value] of made.placements) turned.placements.set(key, value);
      for (const [key, value] of made.lostSince) turned.lostSince.set(key, value);
      turned.monotonicMs = made.monotonicMs;
      const maps = ["machines", "machineConfigs", "units", "files", "states", "outcomes"] as const;
      for (const map of maps)
        for (const [key, value] of [...made.state[map]].reverse())
          Reflect.apply(turned.state[map].set, turned.state[map], [key, value]);
      for (const [machine, units] of [...made.state.assignments].reverse())
        turned.state.assignments.set(machine, new Map([...units].reverse()));
      expect(turned.plan()).toEqual(plan);
    }, 150);
  });
});
