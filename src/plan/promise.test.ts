import { describe, expect, test } from "vitest";
import type { ClusterEvent, EventKind } from "#model/records.ts";
import { ANYWHERE } from "#unit/placement.ts";
import { lastStartMs, promiseOf } from "./promise.ts";
import { DEFAULT_PLAN_SETTINGS } from "./settings.ts";

const FIGURES = { leaseTtlMs: 5_000, decideMs: 42, startMs: 1_010 };

describe("the promise of a unit", () => {
  test("is the lease of its machine, a decision and its last start, each rounded up, and their sum as it is shown", () => {
    const promise = promiseOf(ANYWHERE, FIGURES, DEFAULT_PLAN_SETTINGS);
    expect(promise?.text).toBe("worst case 6.2 s: lease 5.0 + decide 0.1 + start 1.1");
    expect(promise?.worstMs).toBe(6_052);
  });

  test("of a strict unit has the margin in it that its last copy has to end", () => {
    const strict = { ...ANYWHERE, failover: "strict" } as const;
    expect(promiseOf(strict, FIGURES, DEFAULT_PLAN_SETTINGS)?.text).toBe(
      "worst case 8.2 s: lease 5.0 + margin 2.0 + decide 0.1 + start 1.1",
    );
  });

  test("says what it leaves out while the unit has not been seen to start", () => {
    const promise = promiseOf(ANYWHERE, { ...FIGURES, startMs: undefined }, DEFAULT_PLAN_SETTINGS);
    expect(promise?.text).toBe(
      "worst case 5.1 s: lease 5.0 + decide 0.1, and its start, which nobody has seen yet",
    );
  });

  test("is not made for a global unit, which is not moved", () => {
    expect(promiseOf({ ...ANYWHERE, global: true }, FIGURES, DEFAULT_PLAN_SETTINGS)).toBe(undefined);
  });
});

describe("the last start of a unit", () => {
  const events = (...told: readonly [EventKind, number][]): readonly ClusterEvent[] =>
    told.map(([kind, timeMs]) => ({ kind, timeMs, message: "" }));

  test.each<[why: string, told: readonly [EventKind, number][], ms: number | undefined]>([
    [
      "is from its placing to its being active",
      [
        ["unit-placed", 100],
        ["unit-active", 350],
      ],
      250,
    ],
    [
      "is the last of several",
      [
        ["unit-placed", 0],
        ["unit-active", 9],
        ["unit-moved", 20],
        ["unit-active", 50],
      ],
      30,
    ],
    [
      "is not known of one that never was active",
      [
        ["unit-placed", 0],
        ["unit-failed", 9],
      ],
      undefined,
    ],
    [
      "is not known of one that came back by itself",
      [
        ["unit-placed", 0],
        ["unit-failed", 9],
        ["unit-active", 50],
      ],
      undefined,
    ],
    ["is not known without events", [], undefined],
  ])("%s", (_why, told, ms) => {
    expect(lastStartMs(events(...told))).toBe(ms);
  });
});
