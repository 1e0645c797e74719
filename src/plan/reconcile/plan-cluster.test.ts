import { describe, expect, test } from "vitest";
import { cluster, inWords } from "#plan/testing/cluster-builder.ts";

describe("planCluster", () => {
  test("spreads units over the least loaded machines, ties by machine ID", () => {
    const made = cluster("b", "a", "c")
      .unit("w.service")
      .unit("x.service")
      .unit("y.service")
      .unit("z.service");
    expect(inWords(made.plan())).toEqual([
      "w.service ->a: least loaded of 3 machines that match (0 units)",
      "x.service ->b: least loaded of 3 machines that match (0 units)",
      "y.service ->c: least loaded of 3 machines that match (0 units)",
      "z.service ->a: least loaded of 3 machines that match (1 unit)",
    ]);
    expect(made.apply(made.plan()).plan().steps).toEqual([]);
  });
  test("a lost machine's units go elsewhere", () => {
    const made = cluster("a", "b", "c")
      .unit("x.service", { on: ["a"] })
      .lose("a");
    expect(inWords(made.plan())).toEqual([
      "x.service a->b: machine aaaaaaaa is gone: least loaded of 2 machines that match (0 units)",
    ]);
    expect(made.apply(made.plan()).plan().steps).toEqual([]);
  });
});
