/**
 * The supervisor as one daemon sees it: jobs take their time, and a process that is paused or gone neither asks for
 * anything nor hears of anything. What runs belongs to the machine.
 */
import type { Random } from "#base/random.ts";
import { randomInteger } from "#base/random.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import type { ProcessClock } from "./process-clock.ts";

const STOP_MAX_MS = 300;
const START_MAX_MS = 20;

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
): Supervisor {
  const later = <T>(maxMs: number, act: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      process.setTimer(randomInteger(random, 0, maxMs), () => {
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
    load: (units) => later(START_MAX_MS, () => machine.load(units)),
    unload: (names) => {
      asked(requests.onStop, names);
      return later(STOP_MAX_MS, () => machine.unload(names));
    },
    start: (name) => {
      asked(requests.onStart, [name]);
      return later(START_MAX_MS, () => machine.start(name));
    },
    stop: (name) => {
      asked(requests.onStop, [name]);
      return later(STOP_MAX_MS, () => machine.stop(name));
    },
    restart: (name) => {
      asked(requests.onStart, [name]);
      return later(STOP_MAX_MS, () => machine.restart(name));
    },
    resetFailed: (name) => later(START_MAX_MS, () => machine.resetFailed(name)),
    onStatus: (listener) => machine.onStatus((name, status) => process.run(() => listener(name, status))),
  };
}
