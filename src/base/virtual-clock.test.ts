import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sleep } from "./clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

function fireAll(clock: VirtualClock): void {
  let fired = true;
  while (fired) fired = clock.fireNext();
}

describe("VirtualClock", () => {
  test("stands still until it is advanced", () => {
    const clock = new VirtualClock(1_000);
    expect([clock.now(), clock.monotonic(), clock.nextDueMs()]).toEqual([1_000, 0, undefined]);
    expect(clock.fireNext()).toBe(false);
    clock.skipTo(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
  });

  test("fires timers in order of their time, and those of one moment in the order they were set", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 })), (delays) => {
        const clock = new VirtualClock();
        const fired: { readonly dueMs: number; readonly index: number }[] = [];
        for (const [index, delayMs] of delays.entries())
          clock.setTimer(delayMs, () => fired.push({ dueMs: clock.monotonic(), index }));
        fireAll(clock);
        const expected = delays
          .map((dueMs, index) => ({ dueMs, index }))
          .sort((a, b) => a.dueMs - b.dueMs || a.index - b.index);
        expect(fired).toEqual(expected);
      }),
    );
  });

  test("fires nothing that is due later than the limit", () => {
    const clock = new VirtualClock();
    clock.setTimer(100, () => undefined);
    expect(clock.fireNext(99)).toBe(false);
    expect(clock.monotonic()).toBe(0);
    expect(clock.fireNext(100)).toBe(true);
    expect(clock.monotonic()).toBe(100);
  });

  test("never fires a cancelled timer, and cancelling again is harmless", () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const timer = clock.setTimer(1, () => fired.push("cancelled"));
    clock.setTimer(2, () => fired.push("kept"));
    timer.cancel();
    timer.cancel();
    fireAll(clock);
    expect(fired).toEqual(["kept"]);
  });

  test("never goes back, whatever it is told to skip to", () => {
    const clock = new VirtualClock();
    clock.skipTo(100);
    clock.skipTo(50);
    expect(clock.monotonic()).toBe(100);
    clock.setTimer(-5, () => undefined);
    expect(clock.nextDueMs()).toBe(100);
  });
});

describe("sleep", () => {
  test("resolves when its time has passed", async () => {
    const clock = new VirtualClock();
    const slept = sleep(clock, 10);
    expect(clock.fireNext()).toBe(true);
    await expect(slept).resolves.toBe(undefined);
  });

  test("rejects with the signal's reason and leaves no timer behind", async () => {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const slept = sleep(clock, 10, stop.signal);
    stop.abort(new Error("enough"));
    await expect(slept).rejects.toThrow("enough");
    expect(clock.nextDueMs()).toBe(undefined);
    await expect(sleep(clock, 10, stop.signal)).rejects.toThrow("enough");
    expect(clock.nextDueMs()).toBe(undefined);
  });
});
