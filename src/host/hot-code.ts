/**
 * When Node compiles. A daemon is started so that Node only interprets (bin/daemon.env): its optimizing compilers are 8 MiB
 * of its own code that stay in memory from their first use. A daemon that has much to do is several times as fast with
 * them.
 */
import { setFlagsFromString } from "node:v8";
import type { Clock, Timer } from "#base/clock.ts";

/** What Node does by default, as V8's options. */
const EAGER = ["--sparkplug", "--no-optimize-for-size", "--maglev", "--turbofan"];

/** From now on speed counts more than memory in this process: what is called often is compiled as Node does by default. */
export function compileEagerly(): void {
  for (const flag of EAGER) setFlagsFromString(flag);
}

const LOOK_MS = 60_000;
/** Processor time between two looks by which a daemon counts as busy; handing 500 units to systemd takes a third of it. */
const BUSY_MS = 30_000;

export interface BusyOptions {
  readonly clock: Clock;
  /** Whether there is work to be done in time that may fall due at any moment: then would be too late to be called. */
  readonly isTaskLarge: () => boolean;
  /** Milliseconds of processor time that this process has used. */
  readonly processorMs?: () => number;
}

/** Calls `onBusy` once, when the process turns out to be busy or has a large task; @returns what ends looking */
export function whenBusy(options: BusyOptions, onBusy: () => void): () => void {
  const { clock, isTaskLarge, processorMs = ownProcessorMs } = options;
  let usedMs = processorMs();
  const look = (): void => {
    const beforeMs = usedMs;
    usedMs = processorMs();
    if (usedMs - beforeMs >= BUSY_MS || isTaskLarge()) onBusy();
    else timer = clock.setTimer(LOOK_MS, look);
  };
  let timer: Timer = clock.setTimer(LOOK_MS, look);
  return () => timer.cancel();
}

function ownProcessorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
