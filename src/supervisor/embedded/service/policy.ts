/** The tables of systemd.service(5) behind a service's life: what a clean end is, what is restarted, and when. */
import type { ExitStatusSet, RestartPolicy, ServiceSettings } from "#unit/service.ts";
import type { UnitResult } from "../../supervisor.ts";
import type { ProcessEnd } from "./state.ts";

/** Signals that end a daemon without making its end a failure. */
const CLEAN_SIGNALS: readonly string[] = ["HUP", "INT", "TERM", "PIPE"];

/** Whether a status set lists this end. */
export function matches(set: ExitStatusSet, end: ProcessEnd): boolean {
  if (end.code !== undefined) return set.codes.includes(end.code);
  return end.signal !== undefined && set.signals.includes(end.signal);
}

/**
 * The result that the end of a process stands for. `daemon`: it was meant to run on, so that the signals that end a
 * daemon are no failure. What is not known is none either.
 */
export function resultOf(successes: ExitStatusSet, end: ProcessEnd, daemon: boolean): UnitResult {
  const { code, signal, core } = end;
  if (code !== undefined) return code === 0 || successes.codes.includes(code) ? "success" : "exit-code";
  if (signal === undefined) return "success";
  if (core === true) return "core-dump";
  const isClean = daemon && CLEAN_SIGNALS.includes(signal);
  return isClean || matches(successes, end) ? "success" : "signal";
}

/** ExecCondition= skips the unit with 1 to 254, and fails it in every other way of not succeeding. */
export function conditionResult(result: UnitResult, { code }: ProcessEnd): UnitResult {
  return result === "exit-code" && code !== undefined && code < 255 ? "exec-condition" : result;
}

/** Which results each Restart= answers to, of those that are not `exec-condition`. */
const RESTARTED: Readonly<Record<RestartPolicy, (result: UnitResult) => boolean>> = {
  no: () => false,
  "on-success": (result) => result === "success",
  "on-failure": (result) => result !== "success",
  "on-abnormal": (result) => result !== "success" && result !== "exit-code",
  "on-abort": (result) => result === "signal" || result === "core-dump",
  "on-watchdog": (result) => result === "watchdog",
  always: () => true,
};

/** Whether a service that ended this way by itself is started again. */
export function shallRestart(
  settings: Pick<ServiceSettings, "restart" | "restartPreventExitStatus" | "restartForceExitStatus">,
  result: UnitResult,
  end: ProcessEnd | undefined,
): boolean {
  if (end !== undefined && matches(settings.restartPreventExitStatus, end)) return false;
  if (end !== undefined && matches(settings.restartForceExitStatus, end)) return true;
  return result !== "exec-condition" && RESTARTED[settings.restart](result);
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
