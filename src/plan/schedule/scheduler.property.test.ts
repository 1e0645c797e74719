import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ANYWHERE, type Placement } from "#unit/placement.ts";
import type { Candidate } from "./filters.ts";
import type { MachineFacts } from "./machine.ts";
import { Scheduler } from "./scheduler.ts";

/**
 * The scheduler written down as plainly as its rules can be said: every machine is asked, everything is counted anew
 * each time. The real one must choose the same.
 */
class PlainScheduler {
  readonly #machines: readonly MachineFacts[];
  readonly #units: {
    readonly unit: string;
    readonly placement: Placement;
    readonly machine: MachineFacts;
  }[] = [];

  constructor(machines: readonly MachineFacts[]) {
    this.#machines = [...machines].sort((left, right) => left.id.localeCompare(right.id, "en"));
  }

  place(candidate: Candidate): string | undefined {
    const [best] = this.#machines
      .filter((machine) => this.#fits(machine, candidate))
      .map((machine) => ({ machine, score: this.#score(machine, candidate) }))
      .sort((left, right) => compareNumbers(left.score, right.score));
    if (best === undefined) return undefined;
    this.#units.push({ ...candidate, machine: best.machine });
    return best.machine.id;
  }

  remove(unit: string): void {
    const at = this.#units.findIndex((placed) => placed.unit === unit);
    if (at >= 0) this.#units.splice(at, 1);
  }

  #fits(machine: MachineFacts, { unit, placement }: Candidate): boolean {
    const there = this.#units.filter((placed) => placed.machine === machine);
    const sum = (pick: (placement: Placement) => number): number =>
      there.reduce((total, placed) => total + pick(placed.placement), 0);
    const instances = there.filter((placed) => family(placed.unit) === family(unit)).length;
    const cpuMillis = placement.reservation.cpuMillis ?? 0;
    const memoryBytes = placement.reservation.memoryBytes ?? 0;
    return (
      !machine.cordoned &&
      placement.metadata.every(({ key, values }) =>
        values.some((value) => machine.metadata[key] === value),
      ) &&
      placement.machineOf.every((peer) => there.some((placed) => placed.unit === peer)) &&
      !there.some((placed) => placement.conflicts.some((glob) => matches(glob, placed.unit))) &&
      !there.some((placed) => placed.placement.conflicts.some((glob) => matches(glob, unit))) &&
      !(
        placement.maxPerMachine !== undefined &&
        unit.includes("@") &&
        instances >= placement.maxPerMachine
      ) &&
      (cpuMillis === 0 ||
        sum((other) => other.reservation.cpuMillis ?? 0) + cpuMillis <= machine.capacity.cpuMillis) &&
      (memoryBytes === 0 ||
        sum((other) => other.reservation.memoryBytes ?? 0) + memoryBytes <= machine.capacity.memoryBytes)
    );
  }

  #score(machine: MachineFacts, { unit, placement }: Candidate): readonly number[] {
    const preferred = placement.prefer
      .filter(({ key, value }) => machine.metadata[key] === value)
      .reduce((total, { weight }) => total + weight, 0);
    const siblings = this.#units.filter(
      (placed) => unit.includes("@") && family(placed.unit) === family(unit),
    );
    const spread = placement.spread.map((_, depth) => {
      const above = placement.spread.slice(0, depth + 1);
      return siblings.filter((placed) =>
        above.every((key) => keyOf(placed.machine, key) === keyOf(machine, key)),
      ).length;
    });
    const there = this.#units.filter((placed) => placed.machine === machine);
    const cpu = there.reduce(
      (total, { placement: other }) => total + (other.reservation.cpuMillis ?? 100),
      0,
    );
    const memory = there.reduce(
      (total, { placement: other }) => total + (other.reservation.memoryBytes ?? 200 * 1024 ** 2),
      0,
    );
    const load = Math.max(cpu / machine.capacity.cpuMillis, memory / machine.capacity.memoryBytes);
    return [-preferred, ...spread, load];
  }
}

function family(unit: string): string {
  return unit.replace(/@[^.]+\./, "@.");
}

/** Enough of globs for the names below: a star at the end of the prefix. */
function matches(glob: string, unit: string): boolean {
  const [prefix = "", rest] = glob.split("*");
  return rest === undefined ? glob === unit : unit.startsWith(prefix) && unit.endsWith(rest);
}

function keyOf(machine: MachineFacts, key: string): string {
  return key === "machine" ? machine.id : (machine.metadata[key] ?? "");
}

function compareNumbers(left: readonly number[], right: readonly number[]): number {
  for (const [at, value] of left.entries()) if (value !== right[at]) return value - (right[at] ?? 0);
  return 0;
}

const metadata = fc.record(
  {
    rack: fc.constantFrom("r1", "r2", "r3"),
    zone: fc.constantFrom("z1", "z2"),
    disk: fc.constantFrom("ssd", "hdd"),
  },
  { requiredKeys: [] },
);

const machines = fc
  .uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 9 })
  .chain((ids) =>
    fc.tuple(
      ...ids.map((id) =>
        fc.record({
          id: fc.constant(id.toString(16).padStart(32, "0")),
          name: fc.constant(`node${id}`),
          metadata,
          capacity: fc.record({
            cpuMillis: fc.constantFrom(1000, 4000),
            memoryBytes: fc.constantFrom(1024 ** 3, 4 * 1024 ** 3),
          }),
          cordoned: fc.integer({ min: 0, max: 5 }).map((dice) => dice === 0),
        }),
      ),
    ),
  );

const unitNames = fc.constantFrom(
  ...["web", "db"].flatMap((prefix) => [1, 2, 3, 4, 5, 6].map((instance) => `${prefix}@${instance}.service`)),
  "lone.service",
  "other.service",
);

const placements: fc.Arbitrary<Placement> = fc
  .record(
    {
      metadata: fc.array(
        fc.record({
          key: fc.constantFrom("rack", "disk"),
          values: fc.subarray(["r1", "r2", "ssd", "hdd"], { minLength: 1 }),
        }),
        { maxLength: 2 },
      ),
      machineOf: fc.array(unitNames, { maxLength: 1 }),
      conflicts: fc.subarray(["web@*.service", "lone.service"]),
      spread: fc.shuffledSubarray(["rack", "zone", "machine"]),
      prefer: fc.array(
        fc.record({
          key: fc.constantFrom("rack", "zone"),
          value: fc.constantFrom("r1", "z1"),
          weight: fc.integer({ min: -3, max: 3 }),
        }),
        { maxLength: 2 },
      ),
      maxPerMachine: fc.integer({ min: 1, max: 2 }),
      reservation: fc.record(
        { cpuMillis: fc.constantFrom(250, 1000), memoryBytes: fc.constantFrom(2 ** 28, 2 ** 30) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  )
  .map((some) => ({ ...ANYWHERE, ...some }));

type Action =
  | { readonly kind: "place"; readonly candidate: Candidate }
  | { readonly kind: "remove"; readonly unit: string };

const actions: fc.Arbitrary<readonly Action[]> = fc
  // A few kinds of placement used again and again, so that one ranking sees many units come and go.
  .array(placements, { minLength: 1, maxLength: 3 })
  .chain((kinds) =>
    fc.array(
      fc.oneof(
        {
          weight: 4,
          arbitrary: fc
            .tuple(unitNames, fc.constantFrom(...kinds))
            .map(([unit, placement]): Action => ({ kind: "place", candidate: { unit, placement } })),
        },
        { weight: 1, arbitrary: unitNames.map((unit): Action => ({ kind: "remove", unit })) },
      ),
      { maxLength: 40 },
    ),
  );

describe("Scheduler", () => {
  test("chooses what the plainly written rules choose, through any number of placements and removals", () => {
    fc.assert(
      fc.property(machines, actions, (facts, steps) => {
        const scheduler = new Scheduler(facts);
        const plain = new PlainScheduler(facts);
        for (const step of steps) {
          if (step.kind === "remove") {
            for (const machine of scheduler.placesOf(step.unit)) scheduler.remove(step.unit, machine);
            plain.remove(step.unit);
          } else if (scheduler.placesOf(step.candidate.unit).size === 0) {
            const choice = scheduler.place(step.candidate);
            expect(choice.kind === "chosen" ? choice.machine : undefined).toBe(plain.place(step.candidate));
          }
        }
      }),
      { numRuns: 1500 },
    );
  });

  test("gives every machine a refusal exactly when a unit fits nowhere", () => {
    fc.assert(
      fc.property(machines, actions, (facts, steps) => {
        const scheduler = new Scheduler(facts);
        for (const step of steps) {
          if (step.kind === "remove" || scheduler.placesOf(step.candidate.unit).size > 0) continue;
          const choice = scheduler.place(step.candidate);
          if (choice.kind === "chosen") continue;
          const ids = facts.map((machine) => machine.id).sort();
          expect(choice.refusals.map((refusal) => refusal.machine)).toEqual(ids);
        }
      }),
      { numRuns: 300 },
    );
  });
});
