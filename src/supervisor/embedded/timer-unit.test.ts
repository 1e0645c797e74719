import { expect, test } from "vitest";
import { readTimer } from "#unit/read-timer.ts";
import { specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import { nextTrigger, type TimerFacts } from "./timer-unit.ts";

const FACTS: TimerFacts = {
  nowMs: 100_000,
  bootMs: 0,
  startupMs: 50_000,
  startedMs: 90_000,
  triggeredMs: undefined,
  unitActiveMs: undefined,
  unitInactiveMs: undefined,
  zone: "UTC",
};

function next(lines: string, facts: Partial<TimerFacts> = {}): number | undefined {
  const { settings } = readTimer(parseUnitFile(`[Timer]\n${lines}\n`), specifierContext("a.timer"));
  if (settings === undefined) throw new Error("not a timer");
  return nextTrigger(settings, { ...FACTS, ...facts });
}

test.each([
  ["OnActiveSec=30", {}, 120_000],
  ["OnBootSec=110", {}, 110_000],
  ["OnStartupSec=70", {}, 120_000],
  ["OnActiveSec=30\nOnBootSec=110", {}, 110_000],
  ["OnUnitActiveSec=60", { triggeredMs: 95_000, unitActiveMs: 95_000 }, 155_000],
  ["OnUnitInactiveSec=60", { triggeredMs: 95_000, unitInactiveMs: 97_000 }, 157_000],
  ["OnCalendar=*:0/5", {}, 300_000],
])("%j elapses at the time it names", (lines, facts, expected) => {
  expect(next(lines, facts)).toBe(expected);
});

test("what is past when the timer starts elapses at once, and once only", () => {
  expect(next("OnBootSec=20")).toBe(FACTS.nowMs);
  expect(next("OnBootSec=20", { triggeredMs: 100_000 })).toBeUndefined();
});

test("a span from the unit's life elapses never while the unit has had none", () => {
  expect(next("OnUnitActiveSec=60")).toBeUndefined();
});

test("a persistent timer makes up for a time it missed; another one does not", () => {
  const off = { nowMs: 1_000_000, startedMs: 1_000_000, triggeredMs: 100_000 };
  expect(next("OnCalendar=*:0/5\nPersistent=yes", off)).toBe(1_000_000);
  expect(next("OnCalendar=*:0/5", off)).toBe(1_200_000);
});
