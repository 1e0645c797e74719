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

/** @param onStart told of each unit that is asked to start, at the moment of asking */
export function supervisorOf(
  machine: Supervisor,
  process: ProcessClock,
  random: Random,
  onStart: (unit: string) => void,
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
  const asked = <T>(unit: string, maxMs: number, act: () => Promise<T>): Promise<T> => {
    if (!process.ended) onStart(unit);
    return later(maxMs, act);
  };
  return {
    ...machine,
    load: (units) => later(START_MAX_MS, () => machine.load(units)),
    unload: (names) => later(STOP_MAX_MS, () => machine.unload(names)),
    start: (name) => asked(name, START_MAX_MS, () => machine.start(name)),
    stop: (name) => later(STOP_MAX_MS, () => machine.stop(name)),
    restart: (name) => asked(name, STOP_MAX_MS, () => machine.restart(name)),
    resetFailed: (name) => later(START_MAX_MS, () => machine.resetFailed(name)),
    onStatus: (listener) => machine.onStatus((name, status) => process.run(() => listener(name, status))),
  };
}
