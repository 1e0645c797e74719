/** Keys of [Service]: systemd.service(5). */

import { Complaint } from "../diagnostic.ts";
import { execCommands } from "../exec.ts";
import { expanded, type Grammar, oneOf } from "../grammar.ts";
import { additive, last, list } from "../key.ts";
import { isUnitName } from "../name.ts";
import { busName } from "../network-values.ts";
import { directoryPreservation } from "../sandbox-values.ts";
import { exitStatuses } from "../service-values.ts";
import {
  abortTimeout,
  absolutePath,
  boolean,
  expandedText,
  nothing,
  patchVarRun,
  REMOVED,
  readPath,
  signal,
  stopTimeout,
  timeout,
  timeSpan,
  unsigned,
} from "../values.ts";
import { wordList } from "../word-list.ts";
import { PLAIN_WORDS } from "../words.ts";
import { CGROUP_KEYS } from "./cgroup.ts";
import { EXEC_KEYS } from "./exec.ts";
import { KILL_KEYS, oomPolicy } from "./kill.ts";
import { emergencyAction } from "./unit.ts";

const failureMode = oneOf("timeout failure mode", ["terminate", "abort", "kill"]);

/** A relative PID file is below the runtime directory. Over a bad one systemd gives the unit up, whatever it says. */
const pidFile: Grammar<string> = expanded({
  name: "a path",
  parse: (value, context) => {
    const isAbsolute = value.startsWith("/");
    const path = readPath(
      context.key,
      isAbsolute ? value : `${context.specifiers.runtimeDirectory}/${value}`,
    );
    return path instanceof Complaint ? new Complaint(path.message, "error") : patchVarRun(path, context);
  },
});

/** Names of sockets, as they are needed by the service. */
const socketNames = wordList<string>({
  name: "names of sockets",
  words: PLAIN_WORDS,
  specifiers: "quoted",
  areNames: true,
  unclosed: "Trailing garbage in sockets, ignoring: %v",
  read: (word) => {
    if (!word.endsWith(".socket")) return new Complaint(`Unit must be of type socket, ignoring: ${word}`);
    if (isUnitName(word)) return word;
    return new Complaint(`Failed to add dependency on ${word}, ignoring: Invalid argument`);
  },
});

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
  ExitType: last(oneOf("service exit type", ["main", "cgroup"]), "run", { since: 250 }),
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
  TimeoutAbortSec: last(abortTimeout, "run", { since: 243 }),
  TimeoutStartFailureMode: last(failureMode, "run", { since: 246 }),
  TimeoutStopFailureMode: last(failureMode, "run", { since: 246 }),
  RuntimeMaxSec: last(timeSpan, "run"),
  RuntimeRandomizedExtraSec: last(timeSpan, "run", { since: 250 }),
  WatchdogSec: last(timeSpan, "run"),
  RemainAfterExit: last(boolean, "run"),
  GuessMainPID: last(boolean, "run"),
  PIDFile: last(pidFile, "run"),
  NotifyAccess: last(oneOf("notify access specifier", ["none", "main", "exec", "all"]), "run"),
  BusName: last(busName, "run"),
  BusPolicy: list(nothing, "ignored", { notice: REMOVED }),
  SysVStartPriority: last(nothing, "ignored", { notice: REMOVED }),
  NonBlocking: last(boolean, "run"),
  PermissionsStartOnly: last(boolean, "run"),
  RootDirectoryStartOnly: last(boolean, "run"),
  FileDescriptorStoreMax: last(unsigned, "run"),
  FileDescriptorStorePreserve: last(directoryPreservation, "run", { since: 254 }),
  OpenFile: list(expandedText, "ignored", { since: 253 }),
  ReloadSignal: last(signal, "run", { since: 253 }),
  Sockets: additive(socketNames, "run"),
  USBFunctionDescriptors: last(absolutePath),
  USBFunctionStrings: last(absolutePath),
  OOMPolicy: last(oomPolicy, "run", { since: 243 }),
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
