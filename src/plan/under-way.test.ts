import { describe, expect, test } from "vitest";
import { explainUnit } from "./explain.ts";
import { type ClusterBuilder, cluster, machineId } from "./testing/cluster-builder.ts";

const UNIT = "x.service";

/** What `flotilla why` begins with. */
function summaryOf(made: ClusterBuilder): string | undefined {
  return explainUnit(made.state, made.context(), UNIT)?.summary;
}

function on(...machines: readonly string[]): ClusterBuilder {
  return cluster("a", "b").unit(UNIT, { on: machines });
}

describe("a unit under way", () => {
  test("that its machine has not taken up yet is about to be started", () => {
    expect(summaryOf(on("a"))).toBe("it is about to be started on node-a: was put there");
  });

  test("that starts is told with how far it is", () => {
    expect(summaryOf(on("a").report(UNIT, "a", "activating", { sub: "start-pre" }))).toBe(
      "it is starting (start-pre) on node-a: was put there",
    );
    expect(summaryOf(on("a").report(UNIT, "a", "activating", { sub: "auto-restart" }))).toBe(
      "it waits to be restarted on node-a: was put there",
    );
  });

  test("that is asked to run again is about to be started anew while its old run is there", () => {
    const made = on("a").report(UNIT, "a", "active").restart(UNIT).assign(UNIT, "a", { launch: 2 });
    expect(summaryOf(made)).toBe("it is about to be started anew on node-a: was put there");
  });

  test("that nobody asks for any more is being stopped where it still runs", () => {
    const made = cluster("a").unit(UNIT).report(UNIT, "a", "deactivating").ask(UNIT, "inactive");
    expect(summaryOf(made)).toBe("it is being stopped on node-a");
    const loaded = cluster("a")
      .unit(UNIT, { desired: "loaded", on: ["a"] })
      .report(UNIT, "a", "active");
    expect(summaryOf(loaded)).toBe("it is being stopped on node-a: was put there");
  });

  test("that another unit of its machine has started is not being stopped", () => {
    const made = cluster("a").unit(UNIT, { desired: "loaded", on: ["a"] });
    expect(summaryOf(made.report(UNIT, "a", "active", { launch: 0 }))).toBe(
      "it runs, since another unit has started it, on node-a: was put there",
    );
  });

  test("that moves runs on its old machine until it is active on the new one", () => {
    const made = on("a").report(UNIT, "a", "active");
    made.assign(UNIT, "b", { movesFrom: machineId("a"), reason: "machine node-a is drained" });
    expect(summaryOf(made)).toBe(
      "it moves from node-a, where it runs until then, to node-b, where it is about to be started: machine node-a is drained",
    );
    made.report(UNIT, "b", "activating", { sub: "start" });
    expect(summaryOf(made)).toContain("to node-b, where it is starting (start): machine node-a is drained");
  });

  test("that must not run twice stops before it starts elsewhere", () => {
    const made = on("b").report(UNIT, "a", "deactivating");
    expect(summaryOf(made)).toBe("it is being stopped on node-a before it starts on node-b");
  });
});

describe("a unit at rest", () => {
  test("that runs, has failed or was stopped is nothing under way", () => {
    expect(summaryOf(on("a").report(UNIT, "a", "active"))).toBe("it is on node-a: was put there");
    expect(summaryOf(on("a").report(UNIT, "a", "failed"))).toBe("it is on node-a: was put there");
    const loaded = cluster("a")
      .unit(UNIT, { desired: "loaded", on: ["a"] })
      .report(UNIT, "a", "inactive");
    expect(summaryOf(loaded)).toBe("it is loaded, and not started, on node-a: was put there");
  });

  test("on a machine that is gone is not said to be starting there", () => {
    const made = on("a").report(UNIT, "a", "activating").lose("a");
    expect(summaryOf(made)).toContain("it is on");
  });
});
