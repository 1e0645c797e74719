/** A command of a service as its shim is asked to run it: with the sockets and the variables that belong to its part. */
import type { ExecCommand, ServiceSettings } from "#unit/service.ts";
import type { Leaf } from "../cgroup/cgroups.ts";
import { runRequest } from "../exec/request.ts";
import { notifySocket } from "../shim/connection.ts";
import { LATE_VALUES, type RunRequest } from "../shim/run-request.ts";
import { listenVariables, type PassedSockets } from "../triggers/socket/passed-sockets.ts";
import type { UnitHost } from "../unit.ts";
import type { StoredDescriptor } from "./descriptor-store.ts";
import type { ServiceAction } from "./state.ts";

type Run = Extract<ServiceAction, { kind: "run" }>;

/** The run that a command belongs to. */
export interface RunPlace {
  readonly unit: string;
  readonly invocation: string;
  readonly shim: { readonly id: string; readonly leaf: Leaf };
  /** What the unit that asked for this run has told it. */
  readonly variables: Readonly<Record<string, string>>;
  /** What earlier runs have stored. */
  readonly stored: readonly StoredDescriptor[];
  readonly token: string | undefined;
}

export function commandRequest(
  host: UnitHost,
  settings: ServiceSettings,
  action: Run,
  { unit, invocation, shim, variables, stored, token }: RunPlace,
): RunRequest {
  const passed = passedDescriptors(host, settings, { unit, stored }, action.role);
  const context = {
    unit,
    run: action.run,
    invocation,
    cgroupProcs: shim.leaf.procs,
    variables: {
      ...notifyVariables(settings, action.role, shim.id),
      ...variables,
      ...(token === undefined ? {} : { FLOTILLA_FENCING_TOKEN: token }),
      ...passed.variables,
      ...action.variables,
    },
    sockets: passed.sources,
    stored: passed.stored,
    joined: host.joinedBy(unit),
  };
  const request = runRequest(
    rootedFor(action.role, settings),
    commandFor(action, settings),
    context,
    host.exec,
  );
  return { ...request, nonBlocking: settings.nonBlocking };
}

/** With PermissionsStartOnly= all but the main process are run as with `+`. */
function commandFor({ role, command }: Run, { permissionsStartOnly }: ServiceSettings): ExecCommand {
  return permissionsStartOnly && role === "control" ? { ...command, privileges: "full" } : command;
}

/** With RootDirectoryStartOnly= all but the main process see the machine's own root. */
function rootedFor(role: Run["role"], settings: ServiceSettings): ServiceSettings {
  if (!settings.rootDirectoryStartOnly || role === "main") return settings;
  const { rootDirectory: _, ...sandbox } = settings.sandbox;
  return { ...settings, sandbox };
}

/** Descriptors are the main process's, unless a socket is what every command reads or writes. */
function passedDescriptors(
  host: UnitHost,
  { standardInput, standardOutput, standardError }: ServiceSettings,
  { unit, stored }: Pick<RunPlace, "unit" | "stored">,
  role: Run["role"],
): Pick<PassedSockets, "sources" | "variables"> & { readonly stored: readonly number[] } {
  const isStream = [standardInput, standardOutput, standardError].some(({ kind }) => kind === "socket");
  if (role === "control" && !isStream) return { sources: [], variables: {}, stored: [] };
  const passed = host.socketsFor(unit);
  // A command whose input or output is the socket gets nothing else.
  const kept = isStream ? [] : stored;
  const variables = isStream
    ? passed.variables
    : { ...passed.variables, ...listenVariables([...passed.names, ...kept.map(({ name }) => name)]) };
  return { sources: passed.sources, variables, stored: kept.map(({ fd }) => fd) };
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
