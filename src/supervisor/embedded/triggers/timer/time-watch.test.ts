import { expect, test } from "vitest";
import { systemClock } from "#host/system.ts";
import { timesOfBoot } from "./time-watch.ts";

const run = { firstStart: () => 5_000 };

test("OnBootSec= counts from the boot, OnStartupSec= from the first supervisor's start", () => {
  expect(timesOfBoot(systemClock, run, false)).toMatchObject({ bootMs: 0, startupMs: 5_000 });
});

test("in a container both count from there, since the boot is its host's", () => {
  expect(timesOfBoot(systemClock, run, true)).toMatchObject({ bootMs: 5_000, startupMs: 5_000 });
});

test("the clock's monotonic time and that since the boot go at the same pace", () => {
  const { monotonicBootMs } = timesOfBoot(systemClock, run, false);
  const sinceBootMs = systemClock.monotonic() - monotonicBootMs;
  expect(Math.abs(sinceBootMs - Number(process.hrtime.bigint() / 1_000_000n))).toBeLessThan(1_000);
});
