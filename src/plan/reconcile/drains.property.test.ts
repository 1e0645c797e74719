/**
 * Drains, MaxUnavailable=, Overlap= and MachineOf= together, on machines that are slow to start, to stop and to tell of
 * it, and on which new copies fail: what holds at any moment, by name.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Random, seededRandom } from "#base/random.ts";
import type { ClusterPlan } from "#plan/cluster-plan.ts";
import { ClusterBuilder, machineId } from "#plan/testing/cluster-builder.ts";
import { SlowAgents } from "#plan/testing/slow-agents.ts";
import type { Allowance, Placement } from "#unit/placement.ts";

const SHORTS = ["a", "b", "c", "d"];
const POOL = ["w@1.service", "w@2.service", "w@3.service", "w@4.service"];
const OTHERS = ["lead.service", "side.service", "tail.service", "x.service"];
const UNITS = [...POOL, ...OTHERS];
/** More than any move takes, with all its tries. */
const ROUNDS = 600;
const ROUND_MS = 600;

interface Story {
  readonly allowance: Allowance;
  readonly poolOverlaps: boolean;
  readonly leadOverlaps: boolean;
  readonly sideOverlaps: boolean;
  /** What of the followers is only loaded. */
  readonly loaded: readonly string[];
  readonly reserves: boolean;
  readonly failShare: number;
  readonly seed: number;
  readonly happenings: readonly Happening[];
}

type Happening = readonly ["drain" | "undrain" | "cordon" | "uncordon" | "rebalance" | "nothing", string];

const story: fc.Arbitrary<Story> = fc.record({
  allowance: fc.constantFrom<Allowance>({ units: 1 }, { units: 2 }, { share: 0.5 }, { share: 0.25 }),
  poolOverlaps: fc.boolean(),
  leadOverlaps: fc.boolean(),
  sideOverlaps: fc.boolean(),
  loaded: fc.subarray(["side.service", "tail.service"]),
  reserves: fc.boolean(),
  failShare: fc.constantFrom(0, 0, 0.3),
  seed: fc.nat(),
  happenings: fc.array(
    fc.tuple(
      fc.constantFrom("drain", "drain", "undrain", "cordon", "uncordon", "rebalance", "nothing", "nothing"),
      fc.constantFrom(...SHORTS),
    ),
    { maxLength: 40 },
  ),
});

function placements(told: Story): Readonly<Record<string, Partial<Placement>>> {
  const { allowance: maxUnavailable, poolOverlaps: overlap, leadOverlaps, sideOverlaps } = told;
  const reservation = told.reserves ? { memoryBytes: 2 ** 30 } : {};
  const pool = POOL.map((unit) => [unit, { maxUnavailable, overlap, reservation }] as const);
  return {
    ...Object.fromEntries(pool),
    "lead.service": { overlap: leadOverlaps, reservation },
    "side.service": { machineOf: ["lead.service"], overlap: sideOverlaps },
    "tail.service": { machineOf: ["side.service"] },
    "x.service": {},
  };
}

function happen(made: ClusterBuilder, [what, short]: Happening): void {
  if (what === "drain") made.drain(short);
  else if (what === "undrain") made.undrain(short);
  else if (what === "cordon" || what === "uncordon") made.cordon(short, what === "cordon");
  else if (what === "rebalance" && made.state.rebalance === undefined) made.rebalance(true);
}

interface Scene {
  readonly made: ClusterBuilder;
  readonly agents: SlowAgents;
  readonly random: Random;
  readonly wishes: Readonly<Record<string, Partial<Placement>>>;
}

/** All units run, each somewhere. */
function begin(told: Story): Scene {
  const made = new ClusterBuilder();
  for (const short of SHORTS) made.machine(short);
  const wishes = placements(told);
  for (const unit of UNITS) {
    const desired = told.loaded.includes(unit) ? "loaded" : "launched";
    made.unit(unit, { placement: wishes[unit] ?? {}, desired });
  }
  const random = seededRandom(told.seed);
  const agents = new SlowAgents(made, random);
  const isUp = (unit: string): boolean =>
    told.loaded.includes(unit) ||
    [...made.state.states.values()].some((states) => states.get(unit)?.active === "active");
  for (let round = 0; round < 100 && !UNITS.every(isUp); round++) {
    made.apply(made.plan()).wait(ROUND_MS);
    agents.round(0);
  }
  return { made, agents, random, wishes };
}

type Check = (scene: Scene, plan: ClusterPlan) => void;

/** `check` sees the cluster after each plan was carried out, and after each bit that the machines have done. */
function throughout(
  check: Check,
  { told, numRuns = 150 }: { told?: Partial<Story>; numRuns?: number } = {},
): void {
  fc.assert(
    fc.property(story, (any) => {
      const whole = { ...any, ...told };
      const scene = begin(whole);
      for (const happening of whole.happenings) {
        happen(scene.made, happening);
        const plan = scene.made.plan();
        scene.made.apply(plan);
        check(scene, plan);
        scene.agents.round(whole.failShare);
        check(scene, plan);
        scene.made.wait(ROUND_MS);
      }
    }),
    { numRuns },
  );
}

function limitOf(allowance: Allowance): number {
  return "units" in allowance ? allowance.units : Math.ceil(allowance.share * POOL.length);
}

describe("whatever is drained", () => {
  test("two of a unit that may not overlap never run, start or stop at a time", () => {
    throughout(({ agents, wishes }) => {
      for (const unit of UNITS) {
        if (wishes[unit]?.overlap !== false) continue;
        expect(agents.runningOn(unit).length, unit).toBeLessThanOrEqual(1);
      }
    });
  });

  test("no more of a template are down than MaxUnavailable= allows, however slow or broken machines are", () => {
    throughout(({ agents, wishes }) => {
      const allowance = wishes["w@1.service"]?.maxUnavailable ?? { units: 0 };
      const down = POOL.filter((unit) => !agents.serves(unit));
      expect(down.length, down.join(" ")).toBeLessThanOrEqual(limitOf(allowance));
    });
  });

  test("a unit that may overlap with itself is never down for it", () => {
    throughout(
      ({ agents, wishes }) => {
        const overlapping = [...POOL, "x.service"].filter((unit) => wishes[unit]?.overlap !== false);
        expect(overlapping.filter((unit) => !agents.serves(unit))).toEqual([]);
      },
      { told: { poolOverlaps: true } },
    );
  });

  test("a unit is assigned only where those are that it has to be with", () => {
    throughout(({ made, wishes }, { moves }) => {
      // Where a machine has yet to tell of a unit, that waits for it.
      const waiting = new Set(moves.flatMap(({ unit, phase }) => (phase === "waiting" ? [unit] : [])));
      for (const units of made.state.assignments.values())
        for (const unit of [...units.keys()].filter((one) => !waiting.has(one)))
          for (const peer of wishes[unit]?.machineOf ?? []) expect([...units.keys()], unit).toContain(peer);
    });
  });

  test("nothing but what stays for a reason is left in the end, and all else runs", () => {
    fc.assert(
      fc.property(story, (told) => {
        const { made, agents } = begin(told);
        for (const happening of told.happenings) {
          happen(made, happening);
          made.apply(made.plan());
          agents.round(told.failShare);
          made.wait(ROUND_MS);
        }
        for (let round = 0; round < ROUNDS; round++) {
          const plan = made.plan();
          const isAtRest = plan.steps.length === 0 && plan.moves.every(({ phase }) => phase === "staying");
          if (isAtRest && UNITS.every((unit) => told.loaded.includes(unit) || agents.serves(unit))) break;
          made.apply(plan);
          agents.round(0);
          made.wait(ROUND_MS * 2);
        }
        const { steps, moves, unplaced } = made.plan();
        expect(steps).toEqual([]);
        expect(moves.filter(({ phase }) => phase !== "staying")).toEqual([]);
        const nowhere = new Set(unplaced.map(({ unit }) => unit));
        const down = UNITS.filter((unit) => !told.loaded.includes(unit) && !agents.serves(unit));
        // What was moved at once, and has failed where it came to, stays so: nobody asked for another try (FailureMoves=).
        const hasFailed = (unit: string): boolean =>
          [...made.state.assignments].some(
            ([machine, units]) =>
              units.has(unit) && made.state.states.get(machine)?.get(unit)?.active === "failed",
          );
        expect(down.filter((unit) => !nowhere.has(unit) && !hasFailed(unit))).toEqual([]);
        for (const short of SHORTS) {
          if (made.state.machineConfigs.get(machineId(short))?.drain === undefined) continue;
          const left = [...(made.state.assignments.get(machineId(short))?.keys() ?? [])];
          expect(left.filter((unit) => !moves.some((move) => move.unit === unit))).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });
});
