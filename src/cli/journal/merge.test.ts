import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JournalLine } from "#api/bodies.ts";
import { compareLines, lastOf, mergeLines, ReorderWindow } from "./merge.ts";

function line(timeUs: number, machine: string, message = ""): JournalLine {
  const rest = { cursor: "", unit: "a.service", origin: "unit", priority: 6, identifier: "a" } as const;
  return { ...rest, timeUs, machine, machineName: machine, message };
}

async function* given(lines: readonly JournalLine[]): AsyncGenerator<JournalLine, void> {
  yield* lines;
}

const machines = fc
  .array(fc.array(fc.nat(20)), { maxLength: 5 })
  .map((lists) =>
    lists.map((times, index) => times.sort((a, b) => a - b).map((time) => line(time, `m${index}`))),
  );

test("lines of all machines come in the order of their times, newest first where that is wanted", async () => {
  await fc.assert(
    fc.asyncProperty(machines, async (lists) => {
      const sorted = lists.flat().sort(compareLines);
      expect(await Array.fromAsync(mergeLines(lists.map(given), false))).toEqual(sorted);
      const backward = lists.map((lines) => given(lines.toReversed()));
      const keyOf = ({ timeUs, machine }: JournalLine): string => `${timeUs} ${machine}`;
      expect((await Array.fromAsync(mergeLines(backward, true))).map(keyOf)).toEqual(
        sorted.toReversed().map(keyOf),
      );
    }),
  );
});

test("the last so many are the last, however many there are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat()), fc.integer({ min: 1, max: 10 }), async (items, count) => {
      async function* all(): AsyncGenerator<number, void> {
        yield* items;
      }
      expect(await lastOf(all(), count)).toEqual(items.slice(-count));
      expect(await lastOf(all(), 0)).toEqual([]);
    }),
  );
});

describe("lines that arrive while they are written", () => {
  test("are held back until their time is up, and come in order", () => {
    const window = new ReorderWindow(100);
    window.add(line(20, "m1"), 0);
    window.add(line(10, "m2"), 50);
    expect(window.take(99)).toEqual([]);
    expect(window.dueMs).toBe(100);
    expect(window.take(100).map(({ timeUs }) => timeUs)).toEqual([10, 20]);
    expect([window.dueMs, window.size]).toEqual([undefined, 0]);
  });

  test("wait when they are later than those whose time is up", () => {
    const window = new ReorderWindow(100);
    window.add(line(20, "m1"), 0);
    window.add(line(30, "m2"), 10);
    expect(window.take(105).map(({ timeUs }) => timeUs)).toEqual([20]);
    expect(window.dueMs).toBe(110);
  });

  test("are never lost and never shown twice, whatever the order of their coming", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(100), fc.nat(50))), (arrivals) => {
        const window = new ReorderWindow(30);
        const seen: string[] = [];
        let nowMs = 0;
        for (const [index, [timeUs, passed]] of arrivals.entries()) {
          nowMs += passed;
          window.add(line(timeUs, "m", String(index)), nowMs);
          seen.push(...window.take(nowMs).map(({ message }) => message));
        }
        seen.push(...window.take(nowMs + 30).map(({ message }) => message));
        expect(seen.toSorted()).toEqual(arrivals.map((_, index) => String(index)).toSorted());
      }),
    );
  });
});
