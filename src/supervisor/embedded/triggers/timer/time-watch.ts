/** What the machine's clocks and time zone are, and when the zone changes. (The spawner tells when the clock is set.) */
import { type FSWatcher, readlinkSync, watch } from "node:fs";
import type { Clock } from "#base/clock.ts";
import type { RunDirectory } from "../../run-directory.ts";

const LOCALTIME = "/etc/localtime";

/**
 * The zone of /etc/localtime, read anew each time: Node's own knows only that of its start. Only for who needs it: the first
 * use of Intl takes 10 MiB of memory.
 */
export function localZone(): string {
  const fallback = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (process.env.TZ !== undefined) return fallback;
  try {
    const [, zone] = /\/zoneinfo\/(.+)$/.exec(readlinkSync(LOCALTIME)) ?? [];
    return zone === undefined
      ? fallback
      : new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return fallback;
  }
}

function linkTarget(): string | undefined {
  try {
    return readlinkSync(LOCALTIME);
  } catch {
    return undefined;
  }
}

export interface BootTimes {
  readonly monotonicBootMs: number;
  readonly bootMs: number;
  readonly startupMs: number;
}

/**
 * Milliseconds since the boot are the same for every supervisor of it; the first one's start is kept for the others.
 * @param isContainer how long its host has been up is nothing to a container: its boot is the supervisor's start
 */
export function timesOfBoot(
  clock: Clock,
  run: Pick<RunDirectory, "firstStart">,
  isContainer: boolean,
): BootTimes {
  const sinceBootMs = Number(process.hrtime.bigint() / 1000n) / 1000;
  const startupMs = run.firstStart(sinceBootMs);
  return {
    monotonicBootMs: clock.monotonic() - sinceBootMs,
    bootMs: isContainer ? startupMs : 0,
    startupMs,
  };
}

/** Watches for another time zone. */
export class TimeWatch {
  readonly #watcher: FSWatcher | undefined;

  constructor(changed: () => void) {
    let target = linkTarget();
    this.#watcher = watchDirectory("/etc", (name) => {
      if (name !== "localtime" || linkTarget() === target) return;
      target = linkTarget();
      changed();
    });
    this.#watcher?.unref();
  }

  close(): void {
    this.#watcher?.close();
  }
}

/** Undefined where there are no more watches to be had: a change of zone is then seen at the next elapse. */
function watchDirectory(path: string, changed: (name: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, (_, name) => changed(name));
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
