import { expect, test } from "vitest";
import { firstToRun } from "./run-order.ts";

test.each([
  ["by name", ["b.service", "a.service"], "a.service"],
  ["a name that goes on after a name that ends", ["web.service", "web-base.service"], "web-base.service"],
  ["a socket before its service", ["a.service", "a.socket"], "a.socket"],
  ["a slice before all", ["a.target", "b.timer", "z.slice"], "z.slice"],
  ["nothing of nothing", [], ""],
])("%s", (_, units, first) => {
  expect(firstToRun(units)).toBe(first);
});
