import { describe, expect, test } from "vitest";
import { findLosses } from "#plan/reconcile/losses.ts";
import { type ClusterBuilder, cluster, machineId, START_MS } from "#plan/testing/cluster-builder.ts";

/** Machines that each have a unit; those of `lost` vanish, each with its number of milliseconds after the start. */
function losing(shorts: string, lost: Readonly<Record<string, number>>): ClusterBuilder {
  const made = cluster(...shorts);
  for (const short of shorts) made.unit(`${short}.service`, { on: [short] });
  for (const [short, afterMs] of Object.entries(lost)) {
    made.lose(short);
    made.lostSince.set(machineId(short), START_MS + afterMs);
  }
  return made;
}

describe("findLosses", () => {
  test.each<[why: string, made: ClusterBuilder, afterMs: number, untilMs: number | undefined]>([
    ["one machine of two is no stampede, though it is half", losing("ab", { a: 0 }), 0, undefined],
    ["two of five are fewer than half", losing("abcde", { a: 0, b: 0 }), 0, undefined],
    ["two of four are half", losing("abcd", { a: 0, b: 0 }), 0, 5_000],
    ["all of them are", losing("ab", { a: 0, b: 0 }), 0, 5_000],
    ["the youngest loss begins the wait anew", losing("abcd", { a: 0, b: 3_000 }), 4_999, 8_000],
    ["the wait ends", losing("abcd", { a: 0, b: 3_000 }), 8_000, undefined],
  ])("%s", (_why, made, afterMs, untilMs) => {
    const { holding } = findLosses(made.state, made.wait(afterMs).context());
    expect(holding?.untilMs).toBe(untilMs === undefined ? undefined : START_MS + untilMs);
  });

  test.each<[why: string, backMs: number, afterMs: number, untilMs: number | undefined]>([
    ["the first to come back does not have the others' units moved", 0, 100, 5_000],
    ["nor does one that was missed later than they", 2_000, 2_100, 7_000],
    ["one that was missed long ago counts no more", -5_000, 0, undefined],
  ])("%s", (_why, backMs, afterMs, untilMs) => {
    const made = losing("abc", { a: 0 }).wait(afterMs);
    const returned = new Map([[machineId("b"), START_MS + backMs]]);
    const { holding } = findLosses(made.state, { ...made.context(), returned });
    expect(holding?.untilMs).toBe(untilMs === undefined ? undefined : START_MS + untilMs);
    if (untilMs !== undefined)
      expect(holding?.reason).toMatch(/^1 of 3 machines are gone, and 1 have just come back:/);
  });

  test("a machine the engine has not timed yet counts as lost now", () => {
    const made = losing("abc", { a: 0 }).wait(700);
    made.lostSince.clear();
    const { since } = findLosses(made.state, made.context());
    expect([...since]).toEqual([[machineId("a"), START_MS + 700]]);
  });
});
