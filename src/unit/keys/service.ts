/** Keys of [Service]: systemd.service(5). */
import { execCommands } from "../exec.ts";
import { type Grammar, oneOf } from "../grammar.ts";
import { last, list } from "../key.ts";
import { exitStatuses } from "../service-values.ts";
import {
  absolutePath,
  boolean,
  expandedText,
  signal,
  stopTimeout,
  text,
  timeout,
  timeSpan,
  unitNames,
  unsigned,
} from "../values.ts";
import { CGROUP_KEYS } from "./cgroup.ts";
import { EXEC_KEYS } from "./exec.ts";
import { KILL_KEYS } from "./kill.ts";
import { emergencyAction } from "./unit.ts";

const failureMode = oneOf("timeout failure mode", ["terminate", "abort", "kill"]);

/** A relative PID file is below the runtime directory. */
const pidFile: Grammar<string> = {
  name: "a path",
  parse: (value, context) =>
    absolutePath.parse(
      value.startsWith("/") ? value : `${context.specifiers.runtimeDirectory}/${value}`,
      context,
    ),
};

export const SERVICE_KEYS = {
  Type: last(
    oneOf("service type", [
      "simple",
      "exec",
      "forking",
      "oneshot",
      "dbus",
      "notify",
      "notify-reload",
      "idle",
    ]),
    "run",
  ),
  ExitType: last(oneOf("exit type", ["main", "cgroup"]), "run", { since: 250 }),
  ExecCondition: list(execCommands, "run", { since: 243 }),
  ExecStartPre: list(execCommands, "run"),
  ExecStart: list(execCommands, "run"),
  ExecStartPost: list(execCommands, "run"),
  ExecReload: list(execCommands, "run"),
  ExecStop: list(execCommands, "run"),
  ExecStopPost: list(execCommands, "run"),
  Restart: last(
    oneOf("service restart specifier", [
      "no",
      "on-success",
      "on-failure",
      "on-abnormal",
      "on-watchdog",
      "on-abort",
      "always",
    ]),
    "run",
  ),
  RestartSec: last(timeSpan, "run"),
  RestartSteps: last(unsigned, "run", { since: 254 }),
  RestartMaxDelaySec: last(timeSpan, "run", { since: 254 }),
  RestartMode: last(oneOf("restart mode", ["normal", "direct", "debug"]), "run", { since: 254 }),
  SuccessExitStatus: list(exitStatuses, "run"),
  RestartPreventExitStatus: list(exitStatuses, "run"),
  RestartForceExitStatus: list(exitStatuses, "run"),
  TimeoutSec: last(timeout, "run"),
  TimeoutStartSec: last(timeout, "run"),
  TimeoutStopSec: last(stopTimeout, "run"),
  TimeoutAbortSec: last(timeout, "run", { since: 243 }),
  TimeoutStartFailureMode: last(failureMode, "run", { since: 246 }),
  TimeoutStopFailureMode: last(failureMode, "run", { since: 246 }),
  RuntimeMaxSec: last(timeout, "run"),
  RuntimeRandomizedExtraSec: last(timeSpan, "run", { since: 250 }),
  WatchdogSec: last(timeSpan, "run"),
  RemainAfterExit: last(boolean, "run"),
  GuessMainPID: last(boolean, "run"),
  PIDFile: last(pidFile, "run"),
  NotifyAccess: last(oneOf("notify access specifier", ["none", "main", "exec", "all"]), "run"),
  BusName: last(expandedText, "run"),
  BusPolicy: list(text),
  SysVStartPriority: last(text),
  NonBlocking: last(boolean),
  PermissionsStartOnly: last(boolean),
  RootDirectoryStartOnly: last(boolean),
  FileDescriptorStoreMax: last(unsigned),
  FileDescriptorStorePreserve: last(text, "ignored", { since: 254 }),
  OpenFile: list(expandedText, "ignored", { since: 253 }),
  ReloadSignal: last(signal, "run", { since: 253 }),
  Sockets: list(unitNames, "run"),
  USBFunctionDescriptors: last(absolutePath),
  USBFunctionStrings: last(absolutePath),
  OOMPolicy: last(oneOf("OOM policy", ["continue", "stop", "kill"]), "run", { since: 243 }),
  // These stood here before they moved to [Unit]; systemd takes them in both places.
  StartLimitInterval: last(timeSpan, "run"),
  StartLimitBurst: last(unsigned, "run"),
  StartLimitAction: last(emergencyAction),
  FailureAction: last(emergencyAction),
  RebootArgument: last(expandedText),
  ...EXEC_KEYS,
  ...KILL_KEYS,
  ...CGROUP_KEYS,
} as const;
