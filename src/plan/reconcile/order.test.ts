import { expect, test } from "vitest";
import { placementOrder } from "#plan/reconcile/order.ts";
import type { Candidate } from "#plan/schedule/filters.ts";
import { ANYWHERE, type Placement } from "#unit/placement.ts";

const LARGEST = { cpuMillis: 4000, memoryBytes: 1000 };

function ordered(units: Readonly<Record<string, Partial<Placement>>>): readonly string[] {
  const candidates = Object.entries(units).map(
    ([unit, some]): Candidate => ({ unit, placement: { ...ANYWHERE, ...some } }),
  );
  const forward = placementOrder(candidates, LARGEST).map(({ unit }) => unit);
  // The order may not depend on the order in which the units were found.
  expect(placementOrder(candidates.toReversed(), LARGEST).map(({ unit }) => unit)).toEqual(forward);
  return forward;
}

test.each<[why: string, units: Readonly<Record<string, Partial<Placement>>>, order: readonly string[]]>([
  ["by name where nothing else tells them apart", { b: {}, a: {} }, ["a", "b"]],
  [
    "a pinned unit before all that could go elsewhere",
    { a: { reservation: { memoryBytes: 900 } }, z: { machineId: "0" } },
    ["z", "a"],
  ],
  [
    "the bigger first, by the larger of its shares",
    {
      a: { reservation: { memoryBytes: 100 } },
      b: { reservation: { memoryShare: 0.3 } },
      c: { reservation: { cpuMillis: 2000, memoryBytes: 100 } },
    },
    ["c", "b", "a"],
  ],
  [
    "of equal size the one that asks for metadata",
    { a: {}, b: { metadata: [{ key: "disk", values: ["ssd"] }] } },
    ["b", "a"],
  ],
  [
    "peers before their followers, through a chain",
    { a: { machineOf: ["b"] }, b: { machineOf: ["c"] }, c: {} },
    ["c", "b", "a"],
  ],
  [
    "a peer of a big follower is pulled forward with it",
    { a: {}, big: { machineOf: ["peer"], reservation: { memoryBytes: 900 } }, peer: {} },
    ["peer", "big", "a"],
  ],
  ["a peer that is not to be placed counts for nothing", { a: { machineOf: ["elsewhere"] } }, ["a"]],
])("%s", (_why, units, order) => {
  expect(ordered(units)).toEqual(order);
});

test("units that follow each other each come once", () => {
  const order = placementOrder(
    [
      { unit: "a", placement: { ...ANYWHERE, machineOf: ["b"] } },
      { unit: "b", placement: { ...ANYWHERE, machineOf: ["a"] } },
    ],
    LARGEST,
  );
  expect(order.map(({ unit }) => unit).toSorted()).toEqual(["a", "b"]);
});
