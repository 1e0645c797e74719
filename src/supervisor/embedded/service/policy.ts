/** The tables of systemd.service(5) behind a service's life: what a clean end is, what is restarted, and when. */
import type { ExitStatusSet, RestartPolicy, ServiceSettings } from "#unit/service.ts";
import type { UnitResult } from "../../supervisor.ts";
import type { ProcessEnd } from "./state.ts";

/** Signals that end a daemon without making its end a failure. */
const CLEAN_SIGNALS: readonly string[] = ["HUP", "INT", "TERM", "PIPE"];

export function matches(set: ExitStatusSet, end: ProcessEnd): boolean {
  if (end.code !== undefined) return set.codes.includes(end.code);
  return end.signal !== undefined && set.signals.includes(end.signal);
}

/** The result that the end of a main process stands for. */
export function mainResult(
  settings: Pick<ServiceSettings, "type" | "successExitStatus">,
  end: ProcessEnd,
  core: boolean,
  oom: boolean,
): UnitResult {
  const isDaemon = settings.type !== "oneshot";
  if (end.code === 0 || matches(settings.successExitStatus, end)) return "success";
  if (oom) return "oom-kill";
  if (isDaemon && end.signal !== undefined && CLEAN_SIGNALS.includes(end.signal)) return "success";
  return failureOf(end, core);
}

/** The result that the end of a command beside the main process stands for. */
export function controlResult(end: ProcessEnd, core: boolean): UnitResult {
  return end.code === 0 ? "success" : failureOf(end, core);
}

function failureOf(end: ProcessEnd, core: boolean): UnitResult {
  if (end.code !== undefined) return "exit-code";
  return core ? "core-dump" : "signal";
}

/** Which results each Restart= answers to. */
const RESTARTED: Readonly<Record<RestartPolicy, readonly UnitResult[] | "all">> = {
  no: [],
  "on-success": ["success"],
  "on-failure": [
    "resources",
    "protocol",
    "timeout",
    "exit-code",
    "signal",
    "core-dump",
    "watchdog",
    "oom-kill",
  ],
  "on-abnormal": ["timeout", "signal", "core-dump", "watchdog", "oom-kill"],
  "on-abort": ["signal", "core-dump", "oom-kill"],
  "on-watchdog": ["watchdog"],
  always: "all",
};

/** Whether a service that ended this way by itself is started again. */
export function shallRestart(
  settings: Pick<ServiceSettings, "restart" | "restartPreventExitStatus" | "restartForceExitStatus">,
  result: UnitResult,
  end: ProcessEnd | undefined,
): boolean {
  if (result === "exec-condition" || result === "start-limit-hit") return false;
  if (end !== undefined && matches(settings.restartPreventExitStatus, end)) return false;
  if (end !== undefined && matches(settings.restartForceExitStatus, end)) return true;
  const results = RESTARTED[settings.restart];
  return results === "all" || results.includes(result);
}

/** How long to wait before restart number `restarts` + 1: growing geometrically where RestartSteps= asks for it. */
export function restartDelayMs(
  settings: Pick<ServiceSettings, "restartMs" | "restartSteps" | "restartMaxDelayMs">,
  restarts: number,
): number {
  const { restartMs, restartSteps, restartMaxDelayMs } = settings;
  const grows = restartSteps > 0 && Number.isFinite(restartMaxDelayMs) && restartMs > 0;
  if (!grows || restartMaxDelayMs <= restartMs) return restartMs;
  if (restarts >= restartSteps) return restartMaxDelayMs;
  return restartMs * (restartMaxDelayMs / restartMs) ** (restarts / restartSteps);
}

/**
 * The starts of the window that `nowMs` falls into. As in systemd's ratelimit.c windows do not slide: one begins with a
 * start, and the first start after it has passed begins the next, so that a unit started at a steady rate is held to
 * the burst in each window only. systemd asks for more than the interval in microseconds; in whole milliseconds that can
 * be the interval itself.
 */
export function startsInWindow(
  settings: Pick<ServiceSettings, "startLimitIntervalMs">,
  starts: readonly number[],
  nowMs: number,
): readonly number[] {
  const [beginMs] = starts;
  return beginMs === undefined || nowMs - beginMs >= settings.startLimitIntervalMs ? [] : starts;
}

/** Whether one more start would be one too many. */
export function isStartLimited(
  settings: Pick<ServiceSettings, "startLimitIntervalMs" | "startLimitBurst">,
  starts: readonly number[],
  nowMs: number,
): boolean {
  if (settings.startLimitIntervalMs <= 0 || settings.startLimitBurst <= 0) return false;
  return startsInWindow(settings, starts, nowMs).length >= settings.startLimitBurst;
}
