import { describe, expect, test } from "vitest";
import { passTime, settle } from "../../test/simulation/time.ts";
import { Loop } from "./loop.ts";
import { seededRandom } from "./random.ts";
import { VirtualClock } from "./virtual-clock.ts";

const SAFETY_MS = 60_000;

function start(pass: () => Promise<void>): { clock: VirtualClock; loop: Loop; failures: number[] } {
  const clock = new VirtualClock();
  const failures: number[] = [];
  const loop = new Loop({
    clock,
    random: seededRandom(1),
    pass,
    onError: (_error, count) => failures.push(count),
    safetyIntervalMs: SAFETY_MS,
    backoff: { firstMs: 100, maxMs: 1_000 },
  });
  return { clock, loop, failures };
}

/** A pass that begins at once and ends when told. */
class SlowPass {
  begun = 0;
  #end: () => void = () => undefined;

  readonly run = (): Promise<void> => {
    this.begun += 1;
    return new Promise((resolve) => (this.#end = resolve));
  };

  async end(): Promise<void> {
    this.#end();
    await settle();
  }
}

describe("Loop", () => {
  test("several wakes in a row cause one pass", async () => {
    let passes = 0;
    const { loop } = start(async () => {
      passes += 1;
    });
    loop.wake();
    loop.wake();
    loop.wake();
    await settle();
    expect(passes).toBe(1);
    await loop.stop();
  });

  test("wakes during a pass cause exactly one more, which begins when the first has ended", async () => {
    const pass = new SlowPass();
    const { loop } = start(pass.run);
    loop.wake();
    await settle();
    loop.wake();
    loop.wake();
    await settle();
    expect(pass.begun).toBe(1);
    await pass.end();
    expect(pass.begun).toBe(2);
    await pass.end();
    expect(pass.begun).toBe(2);
    await loop.stop();
  });

  test("does not go round unasked behind a pass that the interval ends in", async () => {
    const pass = new SlowPass();
    const { clock, loop } = start(pass.run);
    loop.wake();
    await settle();
    await pass.end();
    await passTime(clock, SAFETY_MS - 10);
    loop.wake();
    await passTime(clock, 20);
    await pass.end();
    expect(pass.begun).toBe(2);
    await loop.stop();
  });

  test("goes round unasked once in a safety interval, counted from the last pass", async () => {
    const times: number[] = [];
    const { clock, loop } = start(async () => void times.push(clock.monotonic()));
    loop.wake();
    await passTime(clock, 30_000);
    loop.wake();
    await passTime(clock, 100_000);
    expect(times).toEqual([0, 30_000, 90_000]);
    await loop.stop();
  });

  test("a pass that throws is reported with how often in a row, and tried again ever later", async () => {
    const times: number[] = [];
    const { clock, loop, failures } = start(async () => {
      times.push(clock.monotonic());
      throw new Error("no");
    });
    loop.wake();
    await passTime(clock, 5_000);
    expect(failures.slice(0, 4)).toEqual([1, 2, 3, 4]);
    const delays = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(delays[0]).toBeLessThanOrEqual(100);
    for (const delay of delays.slice(4)) expect(delay).toBeGreaterThanOrEqual(500);
    for (const delay of delays) expect(delay).toBeLessThanOrEqual(1_000);
    await loop.stop();
  });

  test("forgets its failures after a pass that went well", async () => {
    let passes = 0;
    const { clock, loop, failures } = start(async () => {
      passes += 1;
      if (passes !== 3) throw new Error("no");
    });
    loop.wake();
    await passTime(clock, 2_000);
    loop.wake();
    await settle();
    expect(failures.slice(0, 3)).toEqual([1, 2, 1]);
    await loop.stop();
  });

  test("wakes at a time that was asked for, unless that was cancelled", async () => {
    let passes = 0;
    const { clock, loop } = start(async () => {
      passes += 1;
    });
    loop.wakeAfter(500);
    loop.wakeAfter(700).cancel();
    await passTime(clock, 499);
    expect(passes).toBe(0);
    await passTime(clock, 1_000);
    expect(passes).toBe(1);
    await loop.stop();
  });

  test("stops when the running pass has ended, and does nothing from then on", async () => {
    const pass = new SlowPass();
    const { clock, loop } = start(pass.run);
    loop.wake();
    await settle();
    loop.wake();
    let stopped = false;
    const stopping = loop.stop().then(() => (stopped = true));
    await settle();
    expect(stopped).toBe(false);
    await pass.end();
    await stopping;
    loop.wake();
    await passTime(clock, 2 * SAFETY_MS);
    expect(pass.begun).toBe(1);
    expect(clock.nextDueMs()).toBe(undefined);
  });
});
