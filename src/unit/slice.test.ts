import { expect, test } from "vitest";
import { slicePath } from "./slice.ts";

test.each([
  [undefined, []],
  ["-.slice", []],
  ["system.slice", ["system.slice"]],
  ["a-b-c.slice", ["a.slice", "a-b.slice", "a-b-c.slice"]],
  ["a.b-c.slice", ["a.b.slice", "a.b-c.slice"]],
])("the slices around what is in %s are %j", (name, slices) => {
  expect(slicePath(name)).toEqual(slices);
});
