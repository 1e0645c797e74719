import { describe, expect, test } from "vitest";
import { type ClusterBuilder, cluster, machineId } from "#plan/testing/cluster-builder.ts";

const AT_ONCE = 10;
const STOPS_AT_ONCE = 3;

/** Fifteen units that are active on a machine that is drained. */
function drained(overlap: boolean): { readonly made: ClusterBuilder; readonly units: readonly string[] } {
  const made = cluster("a", "b");
  const units = Array.from({ length: 15 }, (_, index) => `u${String(index).padStart(2, "0")}.service`);
  for (const unit of units)
    made.unit(unit, { on: ["a"], placement: { overlap } }).report(unit, "a", "active");
  return { made: made.drain("a"), units };
}

/** Carries out what is planned, and says which units are where. */
function next(made: ClusterBuilder, units: readonly string[]): Partial<Record<string, readonly string[]>> {
  made.apply(made.plan());
  const places = made.places();
  return Object.groupBy(units, (unit) => places[unit] ?? "nowhere");
}

describe("units of a drained machine", () => {
  test("that are stopped first go three at a time, until their new machine has told of them", () => {
    const { made, units } = drained(false);
    const first = units.slice(0, STOPS_AT_ONCE);
    expect(next(made, units)).toEqual({ nowhere: first, a: units.slice(STOPS_AT_ONCE) });
    for (const unit of first) made.report(unit, "a", "inactive");
    expect(next(made, units)).toEqual({ b: first, a: units.slice(STOPS_AT_ONCE) });
    for (const unit of first) made.state.states.get(machineId("a"))?.delete(unit);
    expect(made.plan()).toMatchObject({ steps: [] });
    expect(made.plan().moves[0]?.reason).toBe(
      "3 units that are stopped before they are started elsewhere are on their way from node-a already",
    );
    for (const unit of first.slice(0, 2)) made.report(unit, "b", "active");
    expect(next(made, units)).toEqual({
      b: first,
      nowhere: units.slice(STOPS_AT_ONCE, STOPS_AT_ONCE + 2),
      a: units.slice(STOPS_AT_ONCE + 2),
    });
  });

  test("that are stopped first leave no place to others when they have stopped, only when they have started", () => {
    const { made, units } = drained(false);
    next(made, units);
    for (const unit of units.slice(0, 2)) made.state.states.get(machineId("a"))?.delete(unit);
    expect(next(made, units)).toEqual({
      b: units.slice(0, 2),
      nowhere: units.slice(2, STOPS_AT_ONCE),
      a: units.slice(STOPS_AT_ONCE),
    });
  });

  test("that are stopped first take their places among the ten that leave a machine", () => {
    const { made, units } = drained(true);
    const stopped = Array.from({ length: 6 }, (_, index) => `s${index}.service`);
    for (const unit of stopped)
      made.unit(unit, { on: ["a"], placement: { overlap: false } }).report(unit, "a", "active");
    const all = [...stopped, ...units];
    expect(next(made, all)).toEqual({
      nowhere: stopped.slice(0, STOPS_AT_ONCE),
      ab: units.slice(0, AT_ONCE - STOPS_AT_ONCE),
      a: [...stopped.slice(STOPS_AT_ONCE), ...units.slice(AT_ONCE - STOPS_AT_ONCE)],
    });
  });

  test("that overlap do not wait for others that have yet to be told of", () => {
    const { made, units } = drained(true);
    for (let at = 0; at < AT_ONCE; at++)
      made.unit(`new${at}.service`, { on: ["b"], placement: { overlap: false } });
    expect(next(made, units)).toEqual({ ab: units.slice(0, AT_ONCE), a: units.slice(AT_ONCE) });
  });

  test("are not held up by what could not be loaded on its machine", () => {
    const { made, units } = drained(false);
    for (let at = 0; at < STOPS_AT_ONCE; at++)
      made
        .unit(`bad${at}.service`, { on: ["b"], placement: { overlap: false } })
        .report(`bad${at}.service`, "b", "inactive", { load: "error", launch: 0 });
    expect(next(made, units)).toEqual({
      nowhere: units.slice(0, STOPS_AT_ONCE),
      a: units.slice(STOPS_AT_ONCE),
    });
  });
});
