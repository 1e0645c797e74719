import { describe, expect, test } from "vitest";
import { type DrainedUnit, drainProgress } from "./drain-progress.ts";
import { type ClusterBuilder, cluster, machineId } from "./testing/cluster-builder.ts";

const UNIT = "x.service";

/** What has become of a unit that machine a had. */
function progressOf(made: ClusterBuilder): Partial<DrainedUnit> & { readonly isOver: boolean } {
  const { units, isOver } = drainProgress(made.state, made.context(), machineId("a"), [UNIT]);
  return { ...units[0], isOver };
}

function drained(...on: readonly string[]): ClusterBuilder {
  return cluster("a", "b").unit(UNIT, { on }).drain("a");
}

describe("a unit of a drained machine", () => {
  test("waits for its turn, then starts elsewhere while it runs on", () => {
    const made = drained("a").report(UNIT, "a", "active");
    expect(progressOf(made)).toMatchObject({ phase: "waiting", isOver: false });
    made.assign(UNIT, "b", { movesFrom: machineId("a") });
    expect(progressOf(made)).toMatchObject({ phase: "starting", to: machineId("b"), isOver: false });
  });

  test("has moved when it is active where it went, and its old copy has ended", () => {
    const made = drained("b").report(UNIT, "b", "active");
    expect(progressOf(made)).toMatchObject({ phase: "moved", to: machineId("b"), isOver: true });
    made.report(UNIT, "a", "deactivating");
    expect(progressOf(made)).toMatchObject({ phase: "stopping", isOver: false });
  });

  test("that is only loaded has moved when it is loaded elsewhere", () => {
    const made = cluster("a", "b")
      .unit(UNIT, { desired: "loaded", on: ["b"] })
      .drain("a");
    expect(progressOf(made)).toMatchObject({ phase: "moved", reason: "loaded", isOver: true });
  });

  test("starts there until its new machine has told of this launch", () => {
    const made = drained("b").report(UNIT, "b", "active").restart(UNIT);
    expect(progressOf(made)).toMatchObject({ phase: "starting", isOver: false });
  });

  test("has failed there with what its machine says", () => {
    const made = drained("b").report(UNIT, "b", "failed", { message: "exit code 3" });
    expect(progressOf(made)).toMatchObject({ phase: "failed", reason: "exit code 3", isOver: true });
  });

  test("that nobody asks for any more is only stopped", () => {
    expect(progressOf(drained().ask(UNIT, "inactive"))).toMatchObject({ phase: "stopped", isOver: true });
  });

  test("that fits nowhere else stays, with each machine's reason", () => {
    const made = drained("a").report(UNIT, "a", "active").cordon("b");
    expect(progressOf(made)).toMatchObject({
      phase: "staying",
      refusals: [{ machine: machineId("b"), code: "cordoned" }],
      isOver: true,
    });
  });
});

describe("a global unit of a drained machine", () => {
  const GLOBAL = { placement: { global: true } };

  test("is stopped there and goes nowhere, whatever its copies elsewhere do", () => {
    const made = cluster("a", "b")
      .unit(UNIT, { ...GLOBAL, on: ["b"] })
      .drain("a")
      .report(UNIT, "b", "active");
    const seen = progressOf(made);
    expect(seen).toMatchObject({ phase: "stopped", isOver: true });
    expect(seen.to).toBeUndefined();
    expect(seen.reason).toBe("it is global: the other machines have their own");
    expect(progressOf(made.report(UNIT, "b", "failed"))).toMatchObject({ phase: "stopped", isOver: true });
  });

  test("is stopping as long as it is up", () => {
    const made = cluster("a", "b")
      .unit(UNIT, { ...GLOBAL, on: ["b"] })
      .drain("a");
    expect(progressOf(made.report(UNIT, "a", "deactivating"))).toMatchObject({
      phase: "stopping",
      isOver: false,
    });
  });
});
