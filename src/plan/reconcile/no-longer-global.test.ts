/** Units whose new file makes one copy of many, or parts them from what they have to be with. */
import { describe, expect, test } from "vitest";
import { type ClusterBuilder, cluster, inWords, machineId } from "#plan/testing/cluster-builder.ts";
import type { Placement } from "#unit/placement.ts";

const UNIT = "g.service";

/** On machines a and b as a global unit, and running; then its file says otherwise. */
function onceGlobal(placement: Partial<Placement>): ClusterBuilder {
  const made = cluster("a", "b").unit(UNIT, { placement: { global: true } });
  made.settle();
  made.report(UNIT, "a", "active").report(UNIT, "b", "active");
  return made.unit(UNIT, { placement });
}

const PINNED = { machineId: machineId("b") };

describe("a unit that is global no longer", () => {
  test("stays on one of its machines, on one that it fits on", () => {
    expect(onceGlobal({}).settle()).toEqual({ [UNIT]: "a" });
    expect(onceGlobal(PINNED).settle()).toEqual({ [UNIT]: "b" });
  });

  test.each([
    ["where it fits on all", {}, "a", "b"],
    ["where it fits on the second only", PINNED, "b", "a"],
  ])(
    "and is strict keeps its earlier file until the other copies have stopped, %s",
    (_what, where, to, other) => {
      const made = onceGlobal({ ...where, failover: "strict" });
      const first = made.plan();
      expect(inWords(first)).toEqual([`${UNIT} ${other}->: it is on node-${to} already`]);
      expect(first.moves).toMatchObject([
        {
          unit: UNIT,
          to: machineId(to),
          reason: `waits until its copy on node-${other} has stopped (Failover=strict)`,
        },
      ]);
      made.apply(first).report(UNIT, other, "deactivating");
      expect(inWords(made.plan())).toEqual([]);
      made.forget(UNIT, other);
      expect(inWords(made.plan())).toEqual([expect.stringContaining(`${UNIT} ->${to}: new unit file`)]);
      expect(made.settle()).toEqual({ [UNIT]: to });
    },
  );

  test("and is asked to stop is stopped at once", () => {
    const made = onceGlobal({ failover: "strict" }).ask(UNIT, "loaded");
    expect(inWords(made.plan())).toEqual([
      `${UNIT} b->: it is on node-a already`,
      expect.stringContaining(`${UNIT} ->a: new unit file`),
    ]);
  });
});

test("a strict unit leaves together with what it has to be with, also before its machine has told of it", () => {
  const made = cluster("a", "b")
    .unit("y.service")
    .unit("z.service", { placement: { machineOf: ["y.service"], failover: "strict" } });
  expect(made.settle()).toEqual({ "y.service": "a", "z.service": "a" });
  made.unit("y.service", { placement: PINNED });
  expect(made.settle()).toEqual({ "y.service": "b" });
  expect(made.settle()).toEqual({ "y.service": "b", "z.service": "b" });
});
