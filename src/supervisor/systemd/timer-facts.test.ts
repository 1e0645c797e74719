import { expect, test } from "vitest";
import { timerFacts } from "./timer-facts.ts";

test("a timer tells when it elapses, unless it never does or not by the calendar", () => {
  expect(timerFacts({ NextElapseUSecRealtime: 4_102_444_800_000_000n })).toEqual([
    { label: "Trigger", atMs: 4_102_444_800_000 },
  ]);
  expect(timerFacts({ NextElapseUSecRealtime: 0n })).toEqual([]);
  expect(timerFacts({ NextElapseUSecRealtime: 2n ** 64n - 1n })).toEqual([]);
  expect(timerFacts({})).toEqual([]);
});
