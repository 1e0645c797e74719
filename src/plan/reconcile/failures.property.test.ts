/** FailureMoves= over random machines, failures and losses: a unit that fails is never moved round and round. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClusterBuilder } from "#plan/testing/cluster-builder.ts";

const UNIT = "web.service";
const SHORTS = ["a", "b", "c", "d", "e"];
const ROUND_MS = 20_000;

type Happening = readonly ["fails" | "runs" | "lose" | "return" | "cordon" | "uncordon" | "restart", string];

const happenings = (...kinds: Happening[0][]): fc.Arbitrary<Happening[]> =>
  fc.array(fc.tuple(fc.constantFrom(...kinds), fc.constantFrom(...SHORTS)), { maxLength: 40 });

interface Outcome {
  readonly made: ClusterBuilder;
  /** `launch machine` of each run that failed for good. */
  readonly failures: readonly string[];
}

/** Lets it all happen, with a plan after each; the unit runs or fails wherever it has just come to. */
function live(failureMoves: number, count: number, told: readonly Happening[]): Outcome {
  const made = new ClusterBuilder();
  for (const short of SHORTS.slice(0, count)) made.machine(short);
  made.unit(UNIT, { placement: { failureMoves } }).settle();
  const failures: string[] = [];
  for (const [what, short] of told) {
    if (what === "lose") made.lose(short);
    else if (what === "return" && SHORTS.indexOf(short) < count) made.machine(short);
    else if (what === "cordon" || what === "uncordon") made.cordon(short, what === "cordon");
    else if (what === "restart") made.restart(UNIT).settle();
    const home = made.places()[UNIT];
    const isNews = home !== undefined && !isToldOf(made, home);
    if (isNews && [...made.state.machines.keys()].some((machine) => machine.startsWith(home))) {
      const active = what === "runs" ? "active" : "failed";
      made.report(UNIT, home, active, { result: "exit-code", sinceMs: made.monotonicMs });
      if (active === "failed") failures.push(`${made.state.units.get(UNIT)?.launch} ${home}`);
    }
    made.wait(ROUND_MS).settle();
    for (const other of SHORTS) if (made.places()[UNIT] !== other) made.forget(UNIT, other);
    made.wait(ROUND_MS).settle();
  }
  return { made, failures };
}

/** A run that failed, or goes on, is over or under way: it does not come to anything else by itself. */
function isToldOf(made: ClusterBuilder, short: string): boolean {
  const launch = made.state.units.get(UNIT)?.launch;
  return [...made.state.states].some(
    ([machine, units]) => machine.startsWith(short) && units.get(UNIT)?.launch === launch,
  );
}

describe("a unit that fails wherever it comes", () => {
  test("comes to no machine twice in one launch, whatever machines come and go", () => {
    fc.assert(
      fc.property(
        fc.nat(5),
        fc.integer({ min: 1, max: 5 }),
        happenings("fails", "fails", "fails", "cordon", "uncordon", "restart"),
        (failureMoves, count, told) => {
          const { failures } = live(failureMoves, count, told);
          expect(failures).toEqual([...new Set(failures)]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("is moved as often as FailureMoves= says and no more, and then stays", () => {
    fc.assert(
      fc.property(fc.nat(5), fc.integer({ min: 1, max: 5 }), (failureMoves, count) => {
        const told: Happening[] = Array.from({ length: 12 }, () => ["fails", "a"]);
        const { made, failures } = live(failureMoves, count, told);
        expect(failures).toHaveLength(Math.min(failureMoves + 1, count));
        expect(made.wait(3_600_000).plan().steps).toEqual([]);
      }),
    );
  });

  test("does not go back to where it has failed when its machine is lost or comes back", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        happenings("fails", "fails", "runs", "lose", "return"),
        (failureMoves, told) => {
          const { made } = live(failureMoves, 5, told);
          const home = made.places()[UNIT] ?? "";
          const tried = [...made.state.assignments.values()].flatMap((units) => units.get(UNIT)?.tried ?? []);
          expect(tried.map(({ machine }) => machine[0])).not.toContain(home);
          expect(tried.length).toBeLessThanOrEqual(failureMoves);
        },
      ),
      { numRuns: 300 },
    );
  });
});
