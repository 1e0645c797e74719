/** A unit's properties by systemctl's names, and how the embedded supervisor's status says them. */
import { constants } from "node:os";
import type { UnitStatus } from "#supervisor/supervisor.ts";

/** Those that a script may ask for. */
export const PROPERTIES = [
  "LoadState",
  "ActiveState",
  "SubState",
  "Result",
  "NRestarts",
  "ExecMainCode",
  "ExecMainStatus",
  "MainPID",
  "StatusText",
  "InvocationID",
] as const;

export type Property = (typeof PROPERTIES)[number];

/** Values as systemctl prints them; of MainPID and InvocationID only whether they are `set`: else `0` or empty. */
export type Properties = Readonly<Partial<Record<Property, string>>>;

/** Those that must be the same on every supervisor once a unit is at rest. */
export const COMPARED: readonly Property[] = [
  "ActiveState",
  "SubState",
  "Result",
  "NRestarts",
  "ExecMainCode",
  "ExecMainStatus",
];

export function readProperty(name: string): Property | undefined {
  return PROPERTIES.find((property) => property === name);
}

/** Properties that only services have. */
export const SERVICE_ONLY: readonly Property[] = [
  "NRestarts",
  "ExecMainCode",
  "ExecMainStatus",
  "MainPID",
  "StatusText",
];

/** Kinds of units that have a Result. */
const WITH_RESULT = /\.(service|socket|timer|path|mount)$/;

/** Whether systemd has the property for a unit of this name's kind. */
export function hasProperty(unit: string, property: Property): boolean {
  if (SERVICE_ONLY.includes(property)) return unit.endsWith(".service");
  return property !== "Result" || WITH_RESULT.test(unit);
}

const IN_TRANSITION = new Set(["activating", "deactivating", "reloading", "maintenance"]);

/** Whether the unit will be in another state without anybody's doing. */
export function isInTransition({ ActiveState = "" }: Properties): boolean {
  return IN_TRANSITION.has(ActiveState);
}

const NOT_FOUND: Properties = {
  LoadState: "not-found",
  ActiveState: "inactive",
  SubState: "dead",
  InvocationID: "",
};

/** What `systemctl show` would print of a unit of the embedded supervisor. */
export function propertiesOf(unit: string, status: UnitStatus | undefined): Properties {
  if (status === undefined) return NOT_FOUND;
  const all: Readonly<Record<Property, string>> = {
    LoadState: status.load,
    ActiveState: status.active,
    SubState: status.sub,
    Result: status.result,
    NRestarts: String(status.restarts),
    ...exitOf(status),
    MainPID: status.mainPid === undefined ? "0" : "set",
    StatusText: status.statusText ?? "",
    InvocationID: status.invocation === undefined ? "" : "set",
  };
  return Object.fromEntries(PROPERTIES.filter((one) => hasProperty(unit, one)).map((one) => [one, all[one]]));
}

/** The code is that of waitid(2): 1 exited, 2 killed, 3 dumped core. */
function exitOf({ exitCode, exitSignal, coreDumped }: UnitStatus): {
  readonly ExecMainCode: string;
  readonly ExecMainStatus: string;
} {
  if (exitCode !== undefined) return { ExecMainCode: "1", ExecMainStatus: String(exitCode) };
  if (exitSignal === undefined) return { ExecMainCode: "0", ExecMainStatus: "0" };
  return {
    ExecMainCode: coreDumped === true ? "3" : "2",
    ExecMainStatus: String(signalNumber(exitSignal)),
  };
}

/** The number of a signal that is named without SIG. */
export function signalNumber(name: string): number {
  const [, number] = Object.entries(constants.signals).find(([known]) => known === `SIG${name}`) ?? [];
  if (number === undefined) throw new Error(`there is no signal ${name}`);
  return number;
}
