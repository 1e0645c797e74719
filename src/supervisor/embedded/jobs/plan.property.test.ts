import fc from "fast-check";
import { expect, test } from "vitest";
import type { JobMode } from "../../supervisor.ts";
import { goesFirst, isConflicting } from "./job-type.ts";
import type { Transaction } from "./plan.ts";
import { type Paper, paperMachine, plan } from "./testing.ts";
import type { MachineView } from "./view.ts";

const NAMES = ["a", "b", "c", "d", "e"].map((letter) => `${letter}.service`);
const KEYS = [
  "Requires",
  "Requisite",
  "BindsTo",
  "Wants",
  "Upholds",
  "PartOf",
  "Conflicts",
  "Before",
  "After",
  "PropagatesStopTo",
  "PropagatesReloadTo",
];
const MODES: readonly JobMode[] = ["replace", "fail", "replace-irreversibly", "flush", "ignore-requirements"];

const name = fc.constantFrom(...NAMES);
const edge = fc.tuple(
  name,
  fc.constantFrom(...KEYS),
  fc.oneof({ weight: 9, arbitrary: name }, { weight: 1, arbitrary: fc.constant("none.service") }),
);
const machine = fc
  .tuple(
    fc.array(edge, { maxLength: 14 }),
    fc.array(fc.constantFrom("", "*", "!", "~"), { minLength: NAMES.length, maxLength: NAMES.length }),
    fc.dictionary(name, fc.constantFrom("start", "stop", "restart", "start!"), { maxKeys: 2 }),
  )
  .map(([edges, states, jobs]) => {
    const units: Paper = Object.fromEntries(
      NAMES.map((unit, index) => [
        `${unit}${states[index] ?? ""}`,
        ["CanReload=", ...edges.filter(([from]) => from === unit).map(([, key, to]) => `${key}=${to}`)].join(
          "; ",
        ),
      ]),
    );
    return { units, jobs };
  });
const request = fc.tuple(
  fc.constantFrom("start", "stop", "restart", "reload", "try-restart"),
  name,
  fc.constantFrom(...MODES),
);

type Check = (
  transaction: Extract<Transaction, { kind: "accepted" }>,
  view: MachineView,
  anchor: string,
  mode: JobMode,
) => void;

/** Holds for every accepted transaction. */
function always(check: Check): void {
  fc.assert(
    fc.property(machine, request, ({ units, jobs }, [type, unit, mode]) => {
      const view = paperMachine(units, jobs);
      const transaction = plan(view, `${type} ${unit}`, mode);
      if (transaction.kind === "accepted") check(transaction, view, unit, mode);
    }),
    { numRuns: 1000 },
  );
}

test("each unit has one job, and the unit that was asked for has one", () => {
  always(({ jobs }, _, anchor) => {
    const units = jobs.map(({ unit }) => unit);
    expect(new Set(units).size).toBe(units.length);
    expect(units).toContain(anchor);
  });
});

test("no jobs wait for each other in a circle, those in the queue included", () => {
  always(({ jobs }, view) => {
    const planned = new Map(jobs.map((job) => [job.unit, job]));
    const jobOf = (unit: string) => planned.get(unit) ?? view.job(unit);
    const waitsFor = (unit: string): readonly string[] => {
      const own = jobOf(unit);
      if (own === undefined) return [];
      const first = view.related(unit, "after").filter((other) => {
        const job = jobOf(other);
        return job !== undefined && goesFirst(job, own) === "first";
      });
      const reversed = view.related(unit, "before").filter((other) => {
        const job = jobOf(other);
        return job !== undefined && goesFirst(own, job) === "second";
      });
      return [...first, ...reversed];
    };
    for (const unit of planned.keys()) {
      const reached = new Set(waitsFor(unit));
      for (const other of reached) for (const next of waitsFor(other)) reached.add(next);
      expect(reached.has(unit)).toBe(false);
    }
  });
});

test("no unit is stopped that the transaction starts because it is needed", () => {
  always(({ jobs }, view, _, mode) => {
    if (mode === "ignore-requirements") return;
    const stops = new Set(jobs.filter(({ type }) => type === "stop").map(({ unit }) => unit));
    for (const { unit, type } of jobs.filter((job) => job.type === "start")) {
      for (const other of view.related(unit, "pull-in-start")) {
        expect(stops.has(other), `${unit}/${type} needs ${other}`).toBe(false);
      }
    }
  });
});

test("a queued job that is irreversible, or any in mode fail, is not contradicted", () => {
  always(({ jobs }, view, _, mode) => {
    for (const { unit, type } of jobs) {
      const queued = view.job(unit);
      if (queued === undefined || (mode !== "fail" && !queued.irreversible)) continue;
      expect(isConflicting(queued.type, type)).toBe(false);
    }
  });
});

test("what is required by a start that stays is up, or gets a job of its own", () => {
  always(({ jobs }, view, _, mode) => {
    if (mode === "ignore-requirements") return;
    const planned = new Set(jobs.map(({ unit }) => unit));
    const anchored = jobs.filter(({ unit, type }) => type === "start" && view.unit(unit)?.load === "loaded");
    for (const { unit } of anchored) {
      const needed = view.related(unit, "pull-in-start");
      // A unit that was only wanted is started without what it lacks; nobody asks for what comes behind that.
      const lacking = needed.findIndex((other) => isLacking(view, other));
      const missing = needed
        .slice(0, lacking === -1 ? needed.length : lacking)
        .filter((other) => !planned.has(other) && view.unit(other)?.active !== "active");
      expect(missing, `${unit} needs them`).toEqual([]);
    }
  });
});

/** Whether the unit, or one that it cannot be without, is not there. */
function isLacking(view: MachineView, unit: string, seen: ReadonlySet<string> = new Set()): boolean {
  if (seen.has(unit)) return false;
  if (view.unit(unit) === undefined) return true;
  const next = new Set([...seen, unit]);
  return [...view.related(unit, "pull-in-start"), ...view.related(unit, "pull-in-verify")].some((other) =>
    isLacking(view, other, next),
  );
}

test("planning again gives the same", () => {
  fc.assert(
    fc.property(machine, request, ({ units, jobs }, [type, unit, mode]) => {
      const once = plan(paperMachine(units, jobs), `${type} ${unit}`, mode);
      expect(plan(paperMachine(units, jobs), `${type} ${unit}`, mode)).toEqual(once);
    }),
  );
});

test("a start of what is up, and needs nothing, contradicts nothing", () => {
  fc.assert(
    fc.property(fc.constantFrom(...MODES), (mode) => {
      const transaction = plan(paperMachine({ "a.service*": "" }), "start a", mode);
      expect(transaction.kind).toBe("accepted");
    }),
  );
});
