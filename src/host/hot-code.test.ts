import { expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import { whenBusy } from "./hot-code.ts";

const MINUTE_MS = 60_000;

/** Looks for as many minutes as there are figures: what the process used in each. @returns the minutes it was called in */
function busyMinutes(usedMs: readonly number[], units = 0): readonly number[] {
  const clock = new VirtualClock();
  const startedMs = clock.monotonic();
  const called: number[] = [];
  let totalMs = 0;
  const options = { clock, isTaskLarge: () => units > 1, processorMs: () => totalMs };
  const end = whenBusy(options, () => called.push((clock.monotonic() - startedMs) / MINUTE_MS));
  for (const minuteMs of usedMs) {
    totalMs += minuteMs;
    clock.fireNext();
  }
  end();
  return called;
}

test("a process that uses half a core for a minute is busy, and that is said once", () => {
  expect(busyMinutes([0, 29_999, 30_000, 60_000])).toEqual([3]);
});

test("what it used in hours of rest does not add up", () => {
  expect(busyMinutes(Array.from({ length: 120 }, () => 1_000))).toEqual([]);
});

test("with a large task before it, it does not wait until it is busy", () => {
  expect(busyMinutes([0, 0], 2)).toEqual([1]);
});

test("nothing is said after the end", () => {
  const clock = new VirtualClock();
  const called: string[] = [];
  whenBusy({ clock, isTaskLarge: () => true }, () => called.push("busy"))();
  clock.fireNext();
  expect(called).toEqual([]);
});
