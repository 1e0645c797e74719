import { describe, expect, test } from "vitest";
import { explainUnit, type UnitExplanation } from "#plan/explain.ts";
import { type ClusterBuilder, cluster, machineId } from "#plan/testing/cluster-builder.ts";

function explain(made: ClusterBuilder, unit: string): UnitExplanation | undefined {
  return explainUnit(made.state, made.context(), unit);
}

/** `node-a: refused (cordoned)` */
function verdictsOf(explanation: UnitExplanation | undefined): readonly string[] {
  return (explanation?.machines ?? []).map(({ name, verdict, refusal }) =>
    refusal === undefined ? `${name}: ${verdict}` : `${name}: ${verdict} (${refusal.code})`,
  );
}

const SSD = { metadata: [{ key: "disk", values: ["ssd"] }] };

describe("explainUnit", () => {
  test("knows nothing of a unit that was never submitted", () => {
    expect(explain(cluster("a"), "x.service")).toBeUndefined();
  });

  test("says where a unit is, why it was put there, and what each other machine would be to it", () => {
    const made = cluster("a", "b", "c")
      .unit("x.service", { on: ["b"] })
      .cordon("c")
      .report("x.service", "b", "active");
    const explanation = explain(made, "x.service");
    expect(explanation?.summary).toBe("it is on node-b: was put there");
    expect(explanation?.steps).toEqual([]);
    expect(explanation?.places).toMatchObject([
      { name: "node-b", present: true, state: { active: "active" } },
    ]);
    expect(verdictsOf(explanation)).toEqual(["node-a: fits", "node-b: here", "node-c: refused (cordoned)"]);
  });

  test("says where a unit is about to be put", () => {
    const explanation = explain(cluster("a", "b").unit("x.service"), "x.service");
    expect(explanation?.summary).toBe("the engine is about to place it");
    expect(verdictsOf(explanation)).toEqual(["node-a: chosen", "node-b: fits"]);
    expect(explanation?.steps).toHaveLength(1);
  });

  test("says why a unit is nowhere, machine by machine", () => {
    const made = cluster()
      .machine("a", { disk: "hdd" })
      .machine("b")
      .machine("c", { disk: "ssd" })
      .cordon("c");
    const explanation = explain(made.unit("x.service", { placement: SSD }), "x.service");
    expect(explanation?.summary).toBe(
      "it is on no machine: 3 machines: 2 lack metadata disk=ssd, 1 is cordoned",
    );
    expect(explanation?.machines.map(({ name, refusal }) => `${name} ${refusal?.text}`)).toEqual([
      "node-a has disk=hdd, the unit asks for disk=ssd",
      "node-b has no disk, the unit asks for disk=ssd",
      "node-c is cordoned",
    ]);
  });

  test("shows the parts of the score", () => {
    const placement = { spread: ["disk"], prefer: [{ key: "disk", value: "ssd", weight: 3 }] };
    const made = cluster()
      .machine("a", { disk: "ssd" })
      .unit("x@1.service", { placement, on: ["a"] });
    made.unit("x@2.service", { placement });
    expect(explain(made, "x@2.service")?.machines[0]?.score).toEqual({
      prefer: 3,
      spread: [{ key: "disk", value: "ssd", instances: 1 }],
      load: 200 / 4096,
      units: 1,
    });
  });

  test("says that what a unit would replace fits nowhere else", () => {
    const made = cluster("a").unit("old.service", { on: ["a"] });
    made.unit("new.service", { placement: { replaces: ["old.service"] } });
    expect(verdictsOf(explain(made, "new.service"))).toEqual(["node-a: refused (conflicts)"]);
    expect(made.plan().steps).toEqual([]);
  });

  test("says that a unit nobody asks for would fit, or would not", () => {
    const made = cluster("a", "b").unit("x.service", { desired: "inactive" });
    expect(explain(made, "x.service")?.summary).toBe(
      "nobody asked for it to run; it would fit on 2 of 2 machines",
    );
    made.unit("y.service", { desired: "inactive", placement: SSD });
    expect(explain(made, "y.service")?.summary).toBe(
      "nobody asked for it to run, and it would fit nowhere: 2 machines: 2 lack metadata disk=ssd",
    );
  });

  test("says that a template does not run", () => {
    const explanation = explain(cluster("a").unit("x@.service"), "x@.service");
    expect(explanation?.summary).toBe("it is a template: only its instances run");
    expect(explanation?.machines).toEqual([]);
  });

  test("says that a oneshot has finished", () => {
    const made = cluster("a")
      .unit("x.service", { on: ["a"] })
      .finish("x.service", "a");
    expect(explain(made, "x.service")?.outcome).toMatchObject({ machine: machineId("a"), launch: 1 });
    expect(explain(made, "x.service")?.summary).toBe(
      "it has finished on node-a, and is not run again until it is started",
    );
  });

  test("says that the engine holds back while many machines are gone", () => {
    const made = cluster("a", "b")
      .unit("x.service", { on: ["a"] })
      .unit("y.service", { on: ["b"] })
      .lose("a", "b");
    const explanation = explain(made, "x.service");
    expect(explanation?.summary).toBe("it is on aaaaaaaa, which is gone: was put there");
    expect(explanation?.holding?.reason).toMatch(/^2 of 2 machines are gone/);
    expect(explanation?.places[0]?.present).toBe(false);
  });

  test("counts the machines of a global unit", () => {
    const made = cluster("a", "b").unit("g.service", { placement: { global: true }, on: ["a", "b"] });
    expect(explain(made, "g.service")?.summary).toBe("it is on 2 machines: was put there");
    expect(verdictsOf(explain(made, "g.service"))).toEqual(["node-a: here", "node-b: here"]);
  });
});
