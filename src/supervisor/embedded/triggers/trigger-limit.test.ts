import fc from "fast-check";
import { expect, test } from "vitest";
import { countTrigger, type TriggerWindow } from "./trigger-limit.ts";

/** How many of these triggers are let through until the first that is not. */
function passed(limit: { intervalMs: number; burst: number }, times: readonly number[]): number {
  let window: TriggerWindow | undefined;
  for (const [index, nowMs] of times.entries()) {
    const next = countTrigger(limit, window, nowMs);
    if (next === undefined) return index;
    window = next;
  }
  return times.length;
}

test.each([
  [{ intervalMs: 2000, burst: 3 }, [0, 1, 2, 3], 3],
  [{ intervalMs: 2000, burst: 3 }, [0, 1, 2, 2001, 2002, 2003, 2004], 6],
  [{ intervalMs: 2000, burst: 1 }, [0, 2000], 1],
  [{ intervalMs: 0, burst: 1 }, [0, 0, 0], 3],
  [{ intervalMs: 2000, burst: 0 }, [0, 0, 0], 3],
])("%j lets through of %j so many: %i", (limit, times, count) => {
  expect(passed(limit, times)).toBe(count);
});

test("what comes slower than one burst an interval is never stopped", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 50 }),
      (burst, gaps) => {
        let nowMs = 0;
        const times = gaps.map((gap) => {
          nowMs += 1000 + gap;
          return nowMs;
        });
        expect(passed({ intervalMs: burst * 1000 - 1, burst }, times)).toBe(times.length);
      },
    ),
  );
});
