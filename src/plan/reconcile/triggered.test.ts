import { describe, expect, test } from "vitest";
import { type ClusterBuilder, cluster, machineId } from "#plan/testing/cluster-builder.ts";

/** A path on machine a, and the job that it starts there: loaded beside it, as examples/inbox.path has it. */
function triggered(active: string): ClusterBuilder {
  const job = {
    placement: { machineOf: ["in.path"], overlap: false },
    desired: "loaded",
    on: ["a"],
  } as const;
  return cluster("a", "b")
    .unit("in.path", { on: ["a"] })
    .report("in.path", "a", "active")
    .unit("in.service", job)
    .report("in.service", "a", active, { launch: 0 })
    .drain("a");
}

function comingTo(made: ClusterBuilder, machine: string): readonly string[] {
  return made
    .plan()
    .steps.flatMap((step) =>
      step.kind === "assign" && step.machine === machineId(machine) ? [step.unit] : [],
    );
}

describe("a job that a path starts", () => {
  test("comes to the new machine together with the path, which does not start without it", () => {
    expect(comingTo(triggered("inactive"), "b").toSorted()).toEqual(["in.path", "in.service"]);
  });

  test.each(["activating", "deactivating"])("that is %s does not come before it has stopped", (active) => {
    expect(comingTo(triggered(active), "b")).not.toContain("in.service");
  });
});
