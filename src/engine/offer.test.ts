import { expect, test } from "vitest";
import type { ClusterEvent } from "#model/records.ts";
import { type ClusterBuilder, cluster } from "#plan/testing/cluster-builder.ts";
import { offerRebalance } from "./offer.ts";

const JOINED: ClusterEvent = { timeMs: 1, kind: "machine-joined", message: "machine node-b joined" };

function crowded(...machines: readonly string[]): ClusterBuilder {
  const made = cluster(...machines);
  for (const name of ["x", "y", "z"]) made.unit(`${name}.service`, { on: ["a"] });
  return made;
}

test("a machine that joins is offered what it could take over", () => {
  const made = crowded("a", "b");
  expect(offerRebalance([JOINED], made.state, made.context())).toEqual([
    {
      timeMs: 1,
      kind: "rebalance-offered",
      message: "1 unit would now be better placed elsewhere: flotilla rebalance --plan",
    },
  ]);
});

test.each<[why: string, made: ClusterBuilder, events: readonly ClusterEvent[]]>([
  ["nobody has joined", crowded("a", "b"), [{ ...JOINED, kind: "machine-lost" }]],
  ["all is even as it is", cluster("a", "b"), [JOINED]],
])("nothing is offered where %s", (_why, made, events) => {
  expect(offerRebalance(events, made.state, made.context())).toEqual([]);
});

test("nothing is offered while a rebalance is under way", () => {
  const made = crowded("a", "b");
  made.rebalance();
  expect(offerRebalance([JOINED], made.state, made.context())).toEqual([]);
});
