/** A command of a service as its shim is asked to run it: with the sockets and the variables that belong to its part. */
import type { ServiceSettings } from "#unit/service.ts";
import type { Leaf } from "../cgroup/cgroups.ts";
import { runRequest } from "../exec/request.ts";
import { notifySocket } from "../shim/connection.ts";
import { LATE_VALUES, type RunRequest } from "../shim/run-request.ts";
import { type PassedSockets, socketVariables } from "../triggers/socket/passed-sockets.ts";
import type { UnitHost } from "../unit.ts";
import type { ServiceAction } from "./state.ts";

type Run = Extract<ServiceAction, { kind: "run" }>;

/** The run that a command belongs to. */
export interface RunPlace {
  readonly unit: string;
  readonly invocation: string;
  readonly shim: { readonly id: string; readonly leaf: Leaf };
  /** What the unit that asked for this run has told it. */
  readonly variables: Readonly<Record<string, string>>;
}

export function commandRequest(
  host: UnitHost,
  settings: ServiceSettings,
  action: Run,
  { unit, invocation, shim, variables }: RunPlace,
): RunRequest {
  const passed = passedSockets(host, settings, unit, action.role);
  const context = {
    unit,
    run: action.run,
    invocation,
    cgroupProcs: shim.leaf.procs,
    variables: {
      ...notifyVariables(settings, action.role, shim.id),
      ...variables,
      ...passed.variables,
      ...action.variables,
    },
    sockets: passed.sources,
  };
  return runRequest(rootedFor(action.role, settings), action.command, context, host.exec);
}

/** With RootDirectoryStartOnly= all but the main process see the machine's own root. */
function rootedFor(role: Run["role"], settings: ServiceSettings): ServiceSettings {
  if (!settings.rootDirectoryStartOnly || role === "main") return settings;
  const { rootDirectory: _, ...sandbox } = settings.sandbox;
  return { ...settings, sandbox };
}

/** Sockets are the main process's, unless they are what every command reads or writes. */
function passedSockets(
  host: UnitHost,
  { standardInput, standardOutput, standardError }: ServiceSettings,
  unit: string,
  role: Run["role"],
): Pick<PassedSockets, "sources" | "variables"> {
  const isStream = [standardInput, standardOutput, standardError].some(({ kind }) => kind === "socket");
  if (role === "control" && !isStream) return { sources: [], variables: {} };
  const passed = host.socketsFor(unit);
  return { sources: passed.sources, variables: socketVariables(passed, isStream) };
}

/** Who is not listened to is not given the socket; only the main process is watched. */
function notifyVariables(
  { notifyAccess, watchdogMs }: ServiceSettings,
  role: Run["role"],
  shim: string,
): Record<string, string> {
  const isHeard =
    role === "main" ? notifyAccess !== "none" : notifyAccess === "exec" || notifyAccess === "all";
  return {
    ...(isHeard ? { NOTIFY_SOCKET: notifySocket(shim) } : {}),
    ...(role === "main" && watchdogMs > 0
      ? { WATCHDOG_USEC: String(watchdogMs * 1000), WATCHDOG_PID: LATE_VALUES.process }
      : {}),
  };
}
