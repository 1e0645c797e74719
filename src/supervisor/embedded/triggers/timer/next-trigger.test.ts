import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readTimer } from "#unit/read-timer.ts";
import { specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import { coalesce, hashText, type NextTrigger, nextTrigger, type TimerFacts } from "./next-trigger.ts";

/** The machine has been up for 100 s at an hour that begins; the timer was started 10 s ago. */
const HOUR_MS = Date.UTC(2026, 0, 5, 12);
const FACTS: TimerFacts = {
  now: { wallMs: HOUR_MS, monotonicMs: 100_000 },
  bootMs: 0,
  startupMs: 50_000,
  started: { wallMs: HOUR_MS - 10_000, monotonicMs: 90_000 },
  triggered: undefined,
  unitBeganMs: undefined,
  unitEndedMs: undefined,
  zone: "UTC",
  spent: [],
  isClockChange: false,
};

function next(lines: string, facts: Partial<TimerFacts> = {}): NextTrigger {
  const { settings } = readTimer(parseUnitFile(`[Timer]\n${lines}\n`), specifierContext("a.timer"));
  if (settings === undefined) throw new Error("not a timer");
  return nextTrigger(settings, { ...FACTS, ...facts });
}

const triggeredAt = (monotonicMs: number) => ({
  triggered: { wallMs: HOUR_MS - (100_000 - monotonicMs), monotonicMs },
});

describe("spans, on the monotonic clock", () => {
  test.each<[string, Partial<TimerFacts>, number | undefined]>([
    ["OnActiveSec=30", {}, 120_000],
    ["OnBootSec=110", {}, 110_000],
    ["OnStartupSec=70", {}, 120_000],
    ["OnActiveSec=30\nOnBootSec=110", {}, 110_000],
    ["OnBootSec=20", {}, 20_000],
    ["OnUnitActiveSec=60", { unitBeganMs: 95_000 }, 155_000],
    ["OnUnitActiveSec=60", { unitBeganMs: 95_000, ...triggeredAt(96_000) }, 156_000],
    ["OnUnitInactiveSec=60", { unitEndedMs: 97_000, ...triggeredAt(95_000) }, 157_000],
    ["OnUnitActiveSec=60\nOnUnitInactiveSec=1", { unitBeganMs: 95_000, unitEndedMs: 97_000 }, 98_000],
    ["OnUnitActiveSec=60", {}, undefined],
    ["OnUnitInactiveSec=60", { unitBeganMs: 95_000 }, undefined],
  ])("%j %j elapses at %s", (lines, facts, expected) => {
    expect(next(lines, facts).monotonicMs).toBe(expected);
  });

  test("that are past when the timer starts elapse at once, and count no more once it has elapsed", () => {
    expect(next("OnBootSec=20\nOnActiveSec=30")).toEqual({ monotonicMs: 20_000, spent: [] });
    const after = next("OnBootSec=20\nOnActiveSec=30", triggeredAt(99_000));
    expect(after).toEqual({ monotonicMs: 120_000, spent: [1] });
    expect(next("OnBootSec=20", { ...triggeredAt(99_000), spent: [0] })).toEqual({ spent: [0] });
  });

  test("are not taken for waited for when the clock was set", () => {
    expect(next("OnBootSec=20", { ...triggeredAt(99_000), isClockChange: true })).toEqual({
      monotonicMs: 20_000,
      spent: [],
    });
  });
});

describe("calendar events, on the wall clock", () => {
  test("count from the timer's start, or from when it last elapsed", () => {
    expect(next("OnCalendar=*:0/5").wallMs).toBe(HOUR_MS);
    expect(next("OnCalendar=*:0/5", triggeredAt(100_000)).wallMs).toBe(HOUR_MS + 300_000);
    expect(next("OnCalendar=*:0/5\nOnCalendar=*:2").wallMs).toBe(HOUR_MS);
    expect(next("OnCalendar=2001-01-01").wallMs).toBeUndefined();
  });

  test("that were missed while the machine was off are made up for, where it was remembered", () => {
    const missed = { triggered: { wallMs: HOUR_MS - 3 * 86_400_000 } };
    expect(next("OnCalendar=daily\nPersistent=yes", missed).wallMs).toBe(Date.UTC(2026, 0, 3));
    expect(next("OnCalendar=daily").wallMs).toBe(Date.UTC(2026, 0, 6));
  });

  test("follow the machine's zone", () => {
    expect(next("OnCalendar=daily", { zone: "Europe/Berlin" }).wallMs).toBe(Date.UTC(2026, 0, 5, 23));
  });
});

describe("accuracy", () => {
  const times = fc.integer({ min: 0, max: 2 ** 40 });
  const spans = fc.integer({ min: 0, max: 200_000 });

  test("never makes a timer early, nor later than it says", () => {
    fc.assert(
      fc.property(times, spans, spans, (dueMs, accuracyMs, offsetMs) => {
        const atMs = coalesce(dueMs, accuracyMs, offsetMs);
        expect(atMs).toBeGreaterThanOrEqual(dueMs);
        expect(atMs).toBeLessThanOrEqual(dueMs + accuracyMs);
      }),
    );
  });

  test("of a minute brings timers of one machine together", () => {
    expect(coalesce(10_000, 60_000, 7_000)).toBe(67_000);
    expect(coalesce(40_000, 60_000, 7_000)).toBe(67_000);
    expect(coalesce(40_000, 60_000, 9_000)).toBe(69_000);
  });

  test("of less is as good as it can be", () => {
    expect(coalesce(10_500, 1000, 300)).toBe(11_300);
    expect(coalesce(10_010, 300, 0)).toBe(10_250);
    expect(coalesce(10_100, 1, 0)).toBe(10_101);
  });
});

test("a text's number is always the same, and differs between texts", () => {
  expect(hashText("a.timer")).toBe(hashText("a.timer"));
  expect(new Set(Array.from({ length: 100 }, (_, i) => hashText(`machine-${i}`))).size).toBe(100);
});
