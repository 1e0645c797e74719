import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isStartLimited, startsInWindow } from "./policy.ts";

const settings = { startLimitIntervalMs: 10_000, startLimitBurst: 5 };

/** Asks for a start at each of the times; the answers in order. */
function ask(times: readonly number[], limit = settings): readonly boolean[] {
  let starts: readonly number[] = [];
  return times.map((nowMs) => {
    if (isStartLimited(limit, starts, nowMs)) return false;
    starts = [...startsInWindow(limit, starts, nowMs), nowMs];
    return true;
  });
}

describe("the limit of starts", () => {
  test("lets the burst pass in a window and refuses one more", () => {
    expect(ask([0, 1, 2, 3, 4, 5])).toEqual([true, true, true, true, true, false]);
  });

  test("still holds in the window's last millisecond and begins a new window after it", () => {
    expect(ask([0, 1, 2, 3, 4, 9_999, 10_000])).toEqual([true, true, true, true, true, false, true]);
  });

  test("begins the new window with the start that found the old one passed, with a full burst", () => {
    const late = [9_996, 9_997, 9_998, 9_999, 10_001, 10_002, 10_003, 10_004];
    expect(ask([0, ...late])).toEqual([true, ...late.map(() => true)]);
    expect(ask([0, ...late, 10_005, 10_006])).toEqual([true, ...late.map(() => true), true, false]);
  });

  test("lets pass for ever what is started every two seconds, as by a timer", () => {
    const times = Array.from({ length: 100 }, (_, index) => index * 2_000);
    expect(ask(times)).not.toContain(false);
  });

  test("is none without an interval or without a burst", () => {
    const times = Array.from({ length: 50 }, () => 7);
    expect(ask(times, { ...settings, startLimitIntervalMs: 0 })).not.toContain(false);
    expect(ask(times, { ...settings, startLimitBurst: 0 })).not.toContain(false);
  });

  test("never lets twice the burst and more pass within one interval, nor refuses the first start after a rest", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12_000), { maxLength: 60 }), (pauses) => {
        let nowMs = 0;
        const times = pauses.map((pause) => (nowMs += pause));
        const answers = ask(times);
        const passed = times.filter((_, index) => answers[index]);
        for (const from of passed)
          expect(passed.filter((at) => at >= from && at - from < 10_000).length).toBeLessThanOrEqual(10);
        pauses.forEach((pause, index) => {
          if (pause >= 10_000) expect(answers[index]).toBe(true);
        });
      }),
    );
  });
});
