/**
 * A unit's status as systemd's properties tell it. Pure.
 *
 * systemd forgets an inactive unit, and with it what became of its last run. What was known before is kept here then:
 * a unit that is inactive and was never invoked, as far as systemd knows, is one whose last run it has forgotten.
 */
import { present } from "#base/present.ts";
import { signalByNumber } from "#unit/values.ts";
import { type ActiveState, type LoadState, UNIT_RESULTS, type UnitStatus } from "../supervisor.ts";
import { hex, number, type Properties, text } from "./bus/values.ts";

/** What is read of a unit beside what signals bring; the first list is of the interface of all units. */
export const UNIT_PROPERTIES = [
  "ActiveState",
  "SubState",
  "ActiveEnterTimestamp",
  "ActiveExitTimestamp",
  "InactiveEnterTimestamp",
  "InactiveExitTimestamp",
  "InvocationID",
] as const;

/** What never changes while a unit is loaded, so that no signal brings it. */
export const FIXED_PROPERTIES = ["Type"] as const;

export const SERVICE_PROPERTIES = [
  "Result",
  "NRestarts",
  "StatusText",
  "MainPID",
  "ExecMainCode",
  "ExecMainStatus",
] as const;

/** Those of a unit of the type that has them, other than a service: why it failed. */
export const RESULT_PROPERTIES = ["Result"] as const;

const KEPT: ReadonlySet<string> = new Set([
  ...UNIT_PROPERTIES,
  ...FIXED_PROPERTIES,
  ...SERVICE_PROPERTIES,
  "ConditionResult",
  "ConditionTimestamp",
  "NextElapseUSecRealtime",
]);

/**
 * Those of the properties that a status is made of; a signal brings many more. As plain values, which do not hold the
 * message that they came in.
 */
export function keptProperties(all: Properties): Properties {
  const kept = Object.entries(all).filter(([name]) => KEPT.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "object" ? hex(value) : value;
}

export interface UnitFacts {
  readonly name: string;
  /** Hash of the text that was handed over. */
  readonly file: string;
  readonly load: LoadState;
  /** Why it is not loaded. */
  readonly problem: string | undefined;
  readonly properties: Properties;
  /** The run that the last explicit start is to replace. */
  readonly supersedes: string | undefined;
  /** The last run that has begun. */
  readonly begun: string | undefined;
}

/** waitpid(2)'s reasons of an end. */
const EXITED = 1;
const KILLED = 2;
const DUMPED = 3;

export function unitStatus(facts: UnitFacts, before: UnitStatus | undefined, nowMs: number): UnitStatus {
  const { name, file, load, problem, properties } = facts;
  const active = activeState(properties.ActiveState);
  const invocation = invocationOf(properties);
  if (!isUp(active) && active !== "failed" && invocation === undefined && before?.invocation !== undefined)
    return forgottenStatus(facts, before, nowMs);
  const result = UNIT_RESULTS.find((one) => one === properties.Result) ?? "success";
  const statusText = text(properties.StatusText);
  const pid = number(properties.MainPID);
  const status: UnitStatus = {
    name,
    file,
    load,
    active,
    sub: text(properties.SubState) || "dead",
    result,
    sinceMs: sinceMs(active, properties) ?? before?.sinceMs ?? nowMs,
    invocation,
    restarts: number(properties.NRestarts),
    completed: isCompleted(facts, active, invocation, before),
    ...(pid === 0 ? {} : { mainPid: pid }),
    ...mainEnd(properties),
    ...(result === "start-limit-hit" ? { startLimitHit: true } : {}),
    ...(statusText === "" ? {} : { statusText }),
  };
  const failure = active === "failed" ? describeFailure(status) : undefined;
  return { ...status, ...present("message", (problem ?? failure ?? statusText) || undefined) };
}

/** systemd keeps a failed unit, so that one it has forgotten ended well, or its failure was reset. */
function forgottenStatus(
  { name, file, load, problem, properties }: UnitFacts,
  before: UnitStatus,
  nowMs: number,
): UnitStatus {
  const { message: _, mainPid: __, startLimitHit: ___, expired: ____, ...rest } = before;
  const wasUp = isUp(before.active);
  return {
    ...rest,
    name,
    file,
    load,
    active: "inactive",
    sub: "dead",
    result: before.active === "failed" || wasUp ? "success" : before.result,
    sinceMs: before.active === "inactive" ? before.sinceMs : nowMs,
    completed: before.completed || (wasUp && properties.Type === "oneshot"),
    ...present("message", problem),
  };
}

/** Of a unit that is down: whether `killed`, the run that the fence has ended, was its last. */
export function expiredStatus(status: UnitStatus, killed: string | undefined): UnitStatus {
  const { expired: _, ...rest } = status;
  if (killed === undefined || status.invocation !== killed) return rest;
  const message = `${status.name} was killed: the time until which it might run had come`;
  return {
    ...rest,
    active: "failed",
    sub: "failed",
    result: "timeout",
    completed: false,
    message,
    expired: true,
  };
}

/** Stopped halfway, it has not run to its end: then a signal ended its main process. */
function isCompleted(
  { properties, supersedes, begun }: UnitFacts,
  active: ActiveState,
  invocation: string | undefined,
  before: UnitStatus | undefined,
): boolean {
  if (properties.Type !== "oneshot" || invocation === undefined || invocation === supersedes) return false;
  if (before?.completed === true && before.invocation === invocation) return true;
  const hasEnded = (active === "inactive" && begun === invocation) || properties.SubState === "exited";
  const code = number(properties.ExecMainCode);
  return hasEnded && (properties.Result ?? "success") === "success" && (code === 0 || code === EXITED);
}

function mainEnd(properties: Properties): Pick<UnitStatus, "exitCode" | "exitSignal" | "coreDumped"> {
  const code = number(properties.ExecMainCode);
  const status = number(properties.ExecMainStatus);
  if (code === EXITED) return { exitCode: status };
  if (code !== KILLED && code !== DUMPED) return {};
  return {
    ...present("exitSignal", signalByNumber(status)),
    ...(code === DUMPED ? { coreDumped: true } : {}),
  };
}

/** One sentence on a unit that is failed, or whose job failed. */
export function describeFailure({ name, result, exitCode, exitSignal }: UnitStatus): string {
  const what = `${name} failed with result '${result}'`;
  if (exitSignal !== undefined) return `${what} (signal ${exitSignal})`;
  return exitCode === undefined || exitCode === 0 ? what : `${what} (status ${exitCode})`;
}

/** Each state has a time at which it is entered. */
const ENTERED: Readonly<Record<ActiveState, string>> = {
  active: "ActiveEnterTimestamp",
  reloading: "ActiveEnterTimestamp",
  deactivating: "ActiveExitTimestamp",
  activating: "InactiveExitTimestamp",
  inactive: "InactiveEnterTimestamp",
  failed: "InactiveEnterTimestamp",
};

/** Microseconds in the properties, 0 for never. */
function sinceMs(active: ActiveState, properties: Properties): number | undefined {
  const us = number(properties[ENTERED[active]]);
  return us === 0 ? undefined : Math.floor(us / 1000);
}

export function invocationOf(properties: Properties): string | undefined {
  const id = text(properties.InvocationID);
  return /[1-9a-f]/.test(id) ? id : undefined;
}

export function isUp(active: ActiveState): boolean {
  return active !== "inactive" && active !== "failed";
}

const ACTIVE_STATES: readonly ActiveState[] = [
  "active",
  "reloading",
  "inactive",
  "failed",
  "activating",
  "deactivating",
];

/** `maintenance` is of units whose files are being cleaned, which are inactive. */
function activeState(value: unknown): ActiveState {
  return ACTIVE_STATES.find((one) => one === value) ?? "inactive";
}

const LOAD_STATES: readonly LoadState[] = ["loaded", "not-found", "bad-setting", "error", "masked"];

/** `merged` is a unit that is there under another name; `stub` one that has not been read. */
export function loadState(value: unknown): LoadState {
  if (value === "merged") return "loaded";
  return LOAD_STATES.find((one) => one === value) ?? "error";
}
