import { expect, test } from "vitest";
import { machineId } from "#plan/testing/cluster-builder.ts";
import { retryInMs } from "./copies.ts";

const FAILED_MS = 1_000_000;

/** Milliseconds until the next try, `afterMs` after the last of `count` failures by the engine's clock. */
function leftAfter(count: number, afterMs: number): number {
  const failure = { machine: machineId("1"), cause: "it crashed", failedMs: FAILED_MS, count };
  return retryInMs(failure, FAILED_MS + afterMs);
}

test.each([
  [1, 30_000],
  [2, 60_000],
  [3, 120_000],
  [6, 900_000],
  [2_000, 900_000],
])("after %i failures in a row a machine is left alone for %i ms", (count, pauseMs) => {
  expect(leftAfter(count, 0)).toBe(pauseMs);
  expect(leftAfter(count, pauseMs - 1)).toBe(1);
  expect(leftAfter(count, pauseMs)).toBe(0);
});

test("an engine whose clock is behind that of the one before waits that much longer, and not at all where it is plainly set otherwise", () => {
  expect(leftAfter(1, -8_000)).toBe(38_000);
  expect(leftAfter(1, -1_500_000)).toBe(0);
});
