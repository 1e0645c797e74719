/**
 * The supervisor as one daemon sees it: jobs take their time, and a process that is paused or gone neither asks for
 * anything nor hears of anything. What runs belongs to the machine.
 */
import type { Random } from "#base/random.ts";
import { randomInteger } from "#base/random.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import type { ProcessClock } from "./process-clock.ts";

const START_MAX_MS = 20;
/** Jobs of one unit are done in the order in which they were asked for, one at least so long after the other. */
const ORDER_GAP_MS = 0.01;

/** Told of what a daemon asks of its supervisor, at the moment of asking. */
export interface Requests {
  readonly onStart: (unit: string) => void;
  readonly onStop: (unit: string) => void;
}

export function supervisorOf(
  machine: Supervisor,
  process: ProcessClock,
  random: Random,
  requests: Requests,
  stopMaxMs: number,
): Supervisor {
  const lastDueMs = new Map<string, number>();
  const delayMs = (units: readonly string[], maxMs: number): number => {
    const nowMs = process.monotonic();
    const earliestMs = units.map((unit) => (lastDueMs.get(unit) ?? Number.NEGATIVE_INFINITY) + ORDER_GAP_MS);
    const dueMs = Math.max(nowMs + randomInteger(random, 0, maxMs), ...earliestMs);
    for (const unit of units) lastDueMs.set(unit, dueMs);
    return dueMs - nowMs;
  };
  const later = <T>(units: readonly string[], maxMs: number, act: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      process.setTimer(delayMs(units, maxMs), () => {
        act().then(
          (value) => process.run(() => resolve(value)),
          (error: unknown) => process.run(() => reject(error)),
        );
      });
    });
  const asked = (hear: (unit: string) => void, units: readonly string[]): void => {
    if (!process.ended) for (const unit of units) hear(unit);
  };
  return {
    ...machine,
    load: (units) =>
      later(
        units.map(({ name }) => name),
        START_MAX_MS,
        () => machine.load(units),
      ),
    unload: (names) => {
      asked(requests.onStop, names);
      return later(names, stopMaxMs, () => machine.unload(names));
    },
    start: (name) => {
      asked(requests.onStart, [name]);
      return later([name], START_MAX_MS, () => machine.start(name));
    },
    stop: (name) => {
      asked(requests.onStop, [name]);
      return later([name], stopMaxMs, () => machine.stop(name));
    },
    restart: (name) => {
      asked(requests.onStart, [name]);
      return later([name], stopMaxMs, () => machine.restart(name));
    },
    // What runs, and until when, belongs to the machine, which knows the world's time only.
    hold: (name, hold) => {
      if (process.ended) return;
      const held = hold && { ...hold, untilMs: process.worldTimeOf(hold.untilMs) };
      machine.hold(name, held);
    },
    heldUntil: (name) => {
      const untilMs = machine.heldUntil(name);
      return untilMs === undefined ? undefined : untilMs - process.worldTimeOf(0);
    },
    resetFailed: (name) => later([name], START_MAX_MS, () => machine.resetFailed(name)),
    onStatus: (listener) => machine.onStatus((name, status) => process.run(() => listener(name, status))),
  };
}
