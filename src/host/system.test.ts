import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock, systemRandom } from "./system.ts";

const DAY_MS = 86_400_000;

describe("systemClock", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("fires once, when the delay has passed", () => {
    const fire = vi.fn<() => void>();
    systemClock.setTimer(500, fire);
    vi.advanceTimersByTime(499);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10_000);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  test("waits for longer than setTimeout can", () => {
    const fire = vi.fn<() => void>();
    systemClock.setTimer(60 * DAY_MS, fire);
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  test("cancels a long timer in any of its legs", () => {
    const fire = vi.fn<() => void>();
    const [early, late] = [systemClock.setTimer(60 * DAY_MS, fire), systemClock.setTimer(60 * DAY_MS, fire)];
    early.cancel();
    vi.advanceTimersByTime(50 * DAY_MS);
    late.cancel();
    late.cancel();
    vi.advanceTimersByTime(50 * DAY_MS);
    expect(fire).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("takes a delay that has passed already as none", () => {
    const fire = vi.fn<() => void>();
    systemClock.setTimer(-5, fire);
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  test("has a wall clock that may jump and a monotonic one that does not", () => {
    const before = systemClock.monotonic();
    vi.setSystemTime(0);
    expect(systemClock.now()).toBe(0);
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before);
  });
});

describe("systemRandom", () => {
  test("draws numbers in [0, 1) and as many bytes as asked for", () => {
    const numbers = Array.from({ length: 1_000 }, () => systemRandom.next());
    for (const number of numbers) expect(number >= 0 && number < 1).toBe(true);
    expect(new Set(numbers).size).toBe(1_000);
    expect(systemRandom.bytes(16)).toHaveLength(16);
    expect(systemRandom.bytes(16)).not.toEqual(systemRandom.bytes(16));
  });
});
