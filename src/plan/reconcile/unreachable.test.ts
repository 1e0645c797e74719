import { describe, expect, test } from "vitest";
import { type ClusterBuilder, cluster, machineId } from "#plan/testing/cluster-builder.ts";
import { planCluster } from "./plan-cluster.ts";

/** `unit: from > to`, or what is said of a unit that goes nowhere. */
function planned(made: ClusterBuilder, silent: readonly string[]): readonly string[] {
  const unreachable = new Set(silent.map(machineId));
  const { steps, unplaced } = planCluster(made.state, { ...made.context(), unreachable });
  const moves = steps.flatMap((step) =>
    step.kind === "assign"
      ? [`${step.unit}: ${step.from?.slice(0, 1) ?? ""} > ${step.machine.slice(0, 1)}`]
      : step.kind === "unassign"
        ? [`${step.unit}: ${step.machine.slice(0, 1)} >`]
        : [],
  );
  return [...moves, ...unplaced.map(({ unit, summary }) => `${unit}: ${summary}`)];
}

describe("a machine that is present and that nobody reaches", () => {
  test("has its units placed elsewhere, and the reason says why", () => {
    const made = cluster("a", "b", "c").unit("web.service", { on: ["a"] });
    const { steps } = planCluster(made.state, {
      ...made.context(),
      unreachable: new Set([machineId("a")]),
    });
    expect(planned(made, ["a"])).toEqual(["web.service: a > b"]);
    expect(steps[0]?.reason).toContain("machine node-a does not answer anybody");
  });

  test("is given nothing", () => {
    expect(planned(cluster("a", "b", "c").unit("web.service"), ["a"])).toEqual(["web.service:  > b"]);
  });

  test("keeps units that must not run twice until its lease has ended", () => {
    const placement = { failover: "strict", overlap: false } as const;
    const made = cluster("a", "b", "c").unit("lock.service", { on: ["a"], placement });
    const [said, ...others] = planned(made, ["a"]);
    expect(said).toContain("waits for the lease of node-a to end");
    expect(others).toEqual([]);
  });

  test("keeps global units, which others have anyway", () => {
    const made = cluster("a", "b").unit("all.service", { on: ["a", "b"], placement: { global: true } });
    expect(planned(made, ["a"])).toEqual([]);
  });

  test("waits for its lease as all others do when many are silent, or others have just gone", () => {
    const made = cluster("a", "b", "c", "d").unit("web.service", { on: ["a"] });
    expect(planned(made, ["a", "b"])).toEqual([]);
    made.unit("other.service", { on: ["b"] }).lose("b");
    expect(planned(made, ["a"]).filter((text) => text.startsWith("web"))).toEqual([]);
  });

  test("has everything as it was when it answers again", () => {
    const made = cluster("a", "b", "c").unit("web.service", { on: ["a"] });
    expect(planned(made, [])).toEqual([]);
  });
});
