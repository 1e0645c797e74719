/** What a service shows of its state. */
import type { ServiceSettings } from "#unit/service.ts";
import type { UnitStatus } from "../../supervisor.ts";
import type { LoadedUnit } from "../unit.ts";
import { activeOf, type ServiceState } from "./state.ts";

export function serviceStatus(
  { source, definition }: LoadedUnit,
  { type }: ServiceSettings,
  state: ServiceState,
): UnitStatus {
  const { sub, result, sinceMs, invocation, mainPid, mainEnd, restarts, completed, statusText } = state;
  const problem = definition.kind === "bad-setting" ? definition.message : undefined;
  const text = problem ?? state.message ?? statusText;
  return {
    name: source.name,
    file: source.file,
    load: problem === undefined ? "loaded" : "bad-setting",
    active: activeOf(sub, type),
    // A service that reloads unasked is in `reload` to systemd 252.
    sub: sub === "reload-notify" && type !== "notify-reload" ? "reload" : sub,
    result,
    sinceMs,
    invocation,
    restarts,
    completed,
    ...(mainPid === undefined ? {} : { mainPid }),
    ...(mainEnd?.code === undefined ? {} : { exitCode: mainEnd.code }),
    ...(mainEnd?.signal === undefined ? {} : { exitSignal: mainEnd.signal }),
    ...(mainEnd?.core === true ? { coreDumped: true } : {}),
    ...(state.expired === true ? { expired: true } : {}),
    ...(state.startLimitHit === true ? { startLimitHit: true } : {}),
    ...(statusText === undefined ? {} : { statusText }),
    ...(text === undefined ? {} : { message: text }),
  };
}

/** Whether nothing that a status shows has changed. */
export function sameStatus(a: ServiceState, b: ServiceState): boolean {
  return SHOWN.every((key) => a[key] === b[key]);
}

const SHOWN = [
  "sub",
  "result",
  "invocation",
  "mainPid",
  "mainEnd",
  "restarts",
  "completed",
  "expired",
  "statusText",
  "message",
] as const satisfies readonly (keyof ServiceState)[];

/** One sentence for whoever waited for a job that failed. */
export function describeFailure(unit: string, { result, message, mainEnd }: ServiceState): string {
  if (message !== undefined) return message;
  const text = `${unit} failed with result '${result}'`;
  if (mainEnd?.signal !== undefined) return `${text} (signal ${mainEnd.signal})`;
  return mainEnd?.code === undefined ? text : `${text} (status ${mainEnd.code})`;
}
