/** [Service] of a unit file as typed settings, with systemd's defaults and systemd's refusals. */

import { present } from "#base/present.ts";
import { checkService, serviceType } from "./check-service.ts";
import { type Diagnostic, hasErrors, inOrder } from "./diagnostic.ts";
import { readExec } from "./read-exec.ts";
import { readResources } from "./resources.ts";
import { SectionReader } from "./section-reader.ts";
import type { ExitStatusSet, ServiceSettings, ServiceType } from "./service.ts";
import type { SpecifierContext } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";

const DEFAULT_TIMEOUT_MS = 90_000;
const DEFAULT_RESTART_MS = 100;

export interface ServiceReading {
  /** Undefined when an error makes the service one that cannot be run. */
  readonly settings: ServiceSettings | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

interface Inspected {
  readonly service: ServiceReader;
  readonly unit: SectionReader<"Unit">;
  readonly diagnostics: readonly Diagnostic[];
}

/** What is wrong with a service, in systemd's words, without what it comes to. */
export function inspectService(file: UnitFile, context: SpecifierContext): Inspected {
  const service = new SectionReader(file, "Service", context);
  const unit = new SectionReader(file, "Unit", context);
  // Like systemd: a line that spoils the unit is all that is said, what is missing because of it is not.
  const isSpoilt = hasErrors(service.diagnostics) || hasErrors(file.diagnostics);
  const diagnostics = inOrder([
    ...file.diagnostics,
    ...service.diagnostics,
    ...unit.diagnostics,
    ...(isSpoilt ? [] : checkService(file, service, unit)),
  ]);
  return { service, unit, diagnostics };
}

/** Reads a service. Never throws; what is wrong is in the diagnostics, in systemd's words. */
export function readService(file: UnitFile, context: SpecifierContext): ServiceReading {
  const { service, unit, diagnostics } = inspectService(file, context);
  if (hasErrors(diagnostics)) return { settings: undefined, diagnostics };
  const commands = readCommands(service);
  const type = serviceType(service, commands.execStart.length);
  const exec = readExec(service, context);
  const settings: ServiceSettings = {
    type,
    ...commands,
    ...readRestart(service, unit),
    ...readTimeouts(service, type),
    ...readProcess(service),
    ...readKill(service),
    ...exec,
    permissionsStartOnly: service.last("PermissionsStartOnly") ?? false,
    rootDirectoryStartOnly: service.last("RootDirectoryStartOnly") ?? false,
    sockets: service.all("Sockets").flat(),
    nonBlocking: service.last("NonBlocking") ?? false,
    resources: readResources(service, exec.sandbox),
    ...present("slice", service.last("Slice")),
  };
  return { settings, diagnostics };
}

type ServiceReader = SectionReader<"Service">;

function readCommands(service: ServiceReader) {
  return {
    execCondition: service.all("ExecCondition").flat(),
    execStartPre: service.all("ExecStartPre").flat(),
    execStart: service.all("ExecStart").flat(),
    execStartPost: service.all("ExecStartPost").flat(),
    execReload: service.all("ExecReload").flat(),
    execStop: service.all("ExecStop").flat(),
    execStopPost: service.all("ExecStopPost").flat(),
  };
}

function readRestart(service: ServiceReader, unit: SectionReader<"Unit">) {
  return {
    restart: service.last("Restart") ?? "no",
    restartMs: service.last("RestartSec") ?? DEFAULT_RESTART_MS,
    restartSteps: service.last("RestartSteps") ?? 0,
    restartMaxDelayMs: service.last("RestartMaxDelaySec") ?? Number.POSITIVE_INFINITY,
    restartMode: service.last("RestartMode") === "direct" ? ("direct" as const) : ("normal" as const),
    startLimitBurst: unit.last("StartLimitBurst") ?? service.last("StartLimitBurst") ?? 5,
    startLimitIntervalMs:
      unit.last("StartLimitIntervalSec") ??
      unit.last("StartLimitInterval") ??
      service.last("StartLimitInterval") ??
      10_000,
    successExitStatus: union(service.all("SuccessExitStatus")),
    restartPreventExitStatus: union(service.all("RestartPreventExitStatus")),
    restartForceExitStatus: union(service.all("RestartForceExitStatus")),
  };
}

function union(sets: readonly ExitStatusSet[]): ExitStatusSet {
  return {
    codes: [...new Set(sets.flatMap((set) => set.codes))],
    signals: [...new Set(sets.flatMap((set) => set.signals))],
  };
}

/** Of TimeoutSec= and the two it stands for, the later line counts, as in systemd. */
function readTimeouts(service: ServiceReader, type: ServiceType) {
  const latest = (key: "TimeoutStartSec" | "TimeoutStopSec"): number | undefined => {
    const lines = [...service.located(key), ...service.located("TimeoutSec")];
    return lines.sort((a, b) => a.entry.line - b.entry.line).at(-1)?.value;
  };
  const defaultStartMs = type === "oneshot" ? Number.POSITIVE_INFINITY : DEFAULT_TIMEOUT_MS;
  const watchdogMs = service.last("WatchdogSec") ?? 0;
  const timeoutStopMs = latest("TimeoutStopSec") ?? DEFAULT_TIMEOUT_MS;
  return {
    timeoutStartMs: latest("TimeoutStartSec") ?? defaultStartMs,
    timeoutStopMs,
    timeoutAbortMs: service.last("TimeoutAbortSec") ?? timeoutStopMs,
    timeoutStartFailureMode: service.last("TimeoutStartFailureMode") ?? ("terminate" as const),
    timeoutStopFailureMode: service.last("TimeoutStopFailureMode") ?? ("terminate" as const),
    runtimeMaxMs: service.last("RuntimeMaxSec") ?? Number.POSITIVE_INFINITY,
    runtimeRandomizedExtraMs: service.last("RuntimeRandomizedExtraSec") ?? 0,
    watchdogMs: Number.isFinite(watchdogMs) ? watchdogMs : 0,
  };
}

function readProcess(service: ServiceReader) {
  const pidFile = service.last("PIDFile");
  const fileDescriptorStoreMax = service.last("FileDescriptorStoreMax") ?? 0;
  const notifies = service.last("Type") === "notify" || service.last("Type") === "notify-reload";
  const needsNotify = notifies || fileDescriptorStoreMax > 0 || (service.last("WatchdogSec") ?? 0) > 0;
  const access = service.last("NotifyAccess") ?? "none";
  const isDelegated = (service.last("Delegate") ?? false) !== false;
  return {
    remainAfterExit: service.last("RemainAfterExit") ?? false,
    guessMainPid: service.last("GuessMainPID") ?? true,
    exitType: service.last("ExitType") ?? ("main" as const),
    // A service that manages its own cgroups knows best what the end of one of its processes means.
    oomPolicy: service.last("OOMPolicy") ?? (isDelegated ? ("continue" as const) : ("stop" as const)),
    fileDescriptorStoreMax,
    fileDescriptorStorePreserve: service.last("FileDescriptorStorePreserve") ?? ("restart" as const),
    // systemd opens the socket to the main process wherever the service would be useless without it.
    notifyAccess: needsNotify && access === "none" ? ("main" as const) : access,
    ...(pidFile === undefined ? {} : { pidFile }),
  };
}

function readKill(service: ServiceReader) {
  const killSignal = service.last("KillSignal") ?? "TERM";
  return {
    killMode: service.last("KillMode") ?? ("control-group" as const),
    killSignal,
    restartKillSignal: service.last("RestartKillSignal") ?? killSignal,
    finalKillSignal: service.last("FinalKillSignal") ?? "KILL",
    watchdogSignal: service.last("WatchdogSignal") ?? "ABRT",
    reloadSignal: service.last("ReloadSignal") ?? "HUP",
    sendSigkill: service.last("SendSIGKILL") ?? true,
    sendSighup: service.last("SendSIGHUP") ?? false,
  };
}
