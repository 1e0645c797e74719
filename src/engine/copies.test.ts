import { expect, test } from "vitest";
import { cluster, machineId } from "#plan/testing/cluster-builder.ts";
import { noteCopies } from "./copies.ts";

const KEY = `${machineId("b")} x.service`;

function moving() {
  const made = cluster("a", "b").unit("x.service", { on: ["a"] });
  return made.assign("x.service", "b", { movesFrom: machineId("a") });
}

test("a new copy counts from when it is first seen active", () => {
  const made = moving();
  expect(noteCopies(new Map(), made.state, 5)).toEqual(new Map());
  made.report("x.service", "b", "active").report("x.service", "a", "active");
  const first = noteCopies(new Map(), made.state, 6);
  expect(first).toEqual(new Map([[KEY, 6]]));
  expect(noteCopies(first, made.state, 7)).toEqual(first);
});

test("a copy that was not active meanwhile, or is of an earlier launch, counts anew", () => {
  const made = moving().report("x.service", "b", "activating");
  expect(noteCopies(new Map([[KEY, 6]]), made.state, 7)).toEqual(new Map());
  made.report("x.service", "b", "active", { launch: 0 });
  expect(noteCopies(new Map([[KEY, 6]]), made.state, 8)).toEqual(new Map());
});
