/** The keys of systemd.exec(5) as typed settings, with systemd's defaults; the same for every section that has them. */
import { present } from "#base/present.ts";
import { ALL_CAPABILITIES, capabilitySet, foldCapabilities } from "./capabilities.ts";
import type { ExecReader } from "./exec-reader.ts";
import type {
  CredentialSettings,
  ExecSettings,
  LogSettings,
  OutputTarget,
  SchedulingSettings,
  ServiceDirectories,
} from "./exec-settings.ts";
import { RLIMITS, type RlimitName } from "./keys/exec.ts";
import { readSandbox } from "./read-sandbox.ts";
import type { SpecifierContext } from "./specifiers.ts";

/** Reads how the commands of a section are run. `context` says where directories of each kind are. */
export function readExec(section: ExecReader, context: SpecifierContext): ExecSettings {
  const dynamicUser = section.last("DynamicUser") ?? false;
  const sandbox = readSandbox(section, dynamicUser);
  return {
    ...readEnvironment(section),
    ...readIdentity(section),
    dynamicUser,
    ...present("nice", section.last("Nice")),
    ...present("oomScoreAdjust", section.last("OOMScoreAdjust")),
    ...present("personality", section.last("Personality")),
    ...present("coredumpFilter", readCoredumpFilter(section)),
    rlimits: readRlimits(section),
    scheduling: readScheduling(section),
    ignoreSigpipe: section.last("IgnoreSIGPIPE") ?? true,
    ...readStreams(section),
    log: readLog(section),
    directories: readDirectories(section, context, dynamicUser),
    credentials: readCredentials(section, context),
    noNewPrivileges: dynamicUser || (section.last("NoNewPrivileges") ?? false),
    ...readCapabilities(section),
    sandbox,
  };
}

function readEnvironment(section: ExecReader) {
  return {
    environment: section.all("Environment").flat(),
    environmentFiles: section.all("EnvironmentFile"),
    passEnvironment: section.all("PassEnvironment").flat(),
    unsetEnvironment: section.all("UnsetEnvironment").flat(),
    execSearchPath: section.all("ExecSearchPath").flat(),
  };
}

function readIdentity(section: ExecReader) {
  return {
    ...present("workingDirectory", section.last("WorkingDirectory")),
    ...present("user", section.last("User")),
    ...present("group", section.last("Group")),
    supplementaryGroups: section.all("SupplementaryGroups").flat(),
    umask: section.last("UMask") ?? 0o022,
  };
}

function readRlimits(section: ExecReader): ExecSettings["rlimits"] {
  return Object.keys(RLIMITS).flatMap((name) => {
    const limit = isRlimitName(name) ? section.last(`Limit${name}`) : undefined;
    return limit === undefined ? [] : [{ name: name.toLowerCase(), ...limit }];
  });
}

function isRlimitName(name: string): name is RlimitName {
  return Object.hasOwn(RLIMITS, name);
}

const SCHED_FIFO = 1;
const SCHED_RR = 2;
/** ioprio_set(2): the class stands above the priority, and best-effort is the class where only the other is given. */
const IO_CLASS_SHIFT = 13;
const IO_BEST_EFFORT = 2;
const IO_DEFAULT_PRIORITY = 4;

function readScheduling(section: ExecReader): SchedulingSettings {
  const cpuPolicy = section.last("CPUSchedulingPolicy");
  const isRealtime = cpuPolicy === SCHED_FIFO || cpuPolicy === SCHED_RR;
  const ioClass = section.last("IOSchedulingClass");
  const ioPriority = section.last("IOSchedulingPriority");
  const io = ((ioClass || IO_BEST_EFFORT) << IO_CLASS_SHIFT) | (ioPriority ?? IO_DEFAULT_PRIORITY);
  return {
    cpuAffinity: [...new Set(section.all("CPUAffinity").flat())].sort((a, b) => a - b),
    ...present("cpuPolicy", cpuPolicy),
    // A priority counts for the real-time policies only, and their least one is 1.
    cpuPriority: isRealtime ? (section.last("CPUSchedulingPriority") ?? 1) : 0,
    resetOnFork: section.last("CPUSchedulingResetOnFork") ?? false,
    ...present("ioPriority", ioClass === undefined && ioPriority === undefined ? undefined : io),
    ...present("timerSlackNs", section.last("TimerSlackNSec")),
    ...present("numaPolicy", section.last("NUMAPolicy")),
    ...present("numaNodes", readNodes(section)),
  };
}

function readNodes(section: ExecReader): string | undefined {
  const masks = section.all("NUMAMask");
  if (masks.length === 0) return undefined;
  return masks.includes("all") ? "all" : masks.join(",");
}

function readCoredumpFilter(section: ExecReader): bigint | undefined {
  const kinds = section.all("CoredumpFilter");
  return kinds.length === 0 ? undefined : kinds.reduce((all, bits) => all | bits, 0n);
}

/** StandardError= inherits, which is what StandardOutput= says. Data without StandardInput= is what is read. */
function readStreams(section: ExecReader) {
  const chunks = [
    ...section.all("StandardInputText").map((line) => new TextEncoder().encode(line)),
    ...section.all("StandardInputData"),
  ];
  const inputData = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
  const standardInput =
    section.last("StandardInput") ?? ({ kind: inputData.length > 0 ? "data" : "null" } as const);
  // A service that is handed a connection, or a file, as its input answers there.
  const follows = standardInput.kind === "socket" || standardInput.kind === "fd";
  const standardOutput: OutputTarget = section.last("StandardOutput") ?? {
    kind: follows ? "inherit" : "journal",
  };
  const standardError: OutputTarget = section.last("StandardError") ?? { kind: "inherit" };
  return { standardInput, inputData, standardOutput, standardError };
}

const DAEMON_FACILITY = 3;
const INFO = 6;

function readLog(section: ExecReader): LogSettings {
  return {
    ...present("identifier", section.last("SyslogIdentifier")),
    facility: section.last("SyslogFacility") ?? DAEMON_FACILITY,
    level: section.last("SyslogLevel") ?? INFO,
    levelPrefix: section.last("SyslogLevelPrefix") ?? true,
    ...present("levelMax", section.last("LogLevelMax")),
    extraFields: section.all("LogExtraFields").flat(),
    ...present("rateLimitIntervalMs", section.last("LogRateLimitIntervalSec")),
    ...present("rateLimitBurst", section.last("LogRateLimitBurst")),
  };
}

function readDirectories(
  section: ExecReader,
  context: SpecifierContext,
  dynamicUser: boolean,
): readonly ServiceDirectories[] {
  const rows = [
    ["runtime", "RuntimeDirectory", context.runtimeDirectory],
    ["state", "StateDirectory", context.stateDirectory],
    ["cache", "CacheDirectory", context.cacheDirectory],
    ["logs", "LogsDirectory", context.logsDirectory],
    ["configuration", "ConfigurationDirectory", context.configDirectory],
  ] as const;
  return rows.flatMap(([kind, key, root]) => {
    const names = section.all(key).flat();
    if (names.length === 0) return [];
    const kept = kind === "runtime" ? keptFor(section) : "ever";
    const isPrivate = dynamicUser && kind !== "configuration" && kept !== "stop";
    const links = names.flatMap(({ name, link }) =>
      link === undefined ? [] : [{ path: `${root}/${link}`, target: `${root}/${name}` }],
    );
    const paths = [...new Set(names.map(({ name }) => `${root}/${name}`))];
    return [{ kind, root, paths, links, mode: section.last(`${key}Mode`) ?? 0o755, isPrivate, kept }];
  });
}

function keptFor(section: ExecReader): ServiceDirectories["kept"] {
  const preserve = section.last("RuntimeDirectoryPreserve") ?? "no";
  if (preserve === "restart") return "restart";
  return preserve === "yes" ? "ever" : "stop";
}

function readCredentials(section: ExecReader, context: SpecifierContext): CredentialSettings {
  return {
    loaded: section.all("LoadCredential"),
    set: section.all("SetCredential"),
    directory: `${context.credentialsDirectory}/${context.unit.full}`,
  };
}

/** What some protections imply: the capabilities that would undo them are gone. */
function readCapabilities(section: ExecReader) {
  const asked = foldCapabilities(section.all("CapabilityBoundingSet"), ALL_CAPABILITIES);
  const implied = [
    ...(section.last("PrivateDevices") ? ["CAP_MKNOD", "CAP_SYS_RAWIO"] : []),
    ...(section.last("ProtectKernelModules") ? ["CAP_SYS_MODULE"] : []),
    ...(section.last("ProtectKernelLogs") ? ["CAP_SYSLOG"] : []),
    ...(section.last("ProtectClock") ? ["CAP_SYS_TIME", "CAP_WAKE_ALARM"] : []),
  ];
  const bounding = asked & ~capabilitySet(...implied);
  const secureBits = section.all("SecureBits").reduce((mask, bits) => mask | bits, 0);
  return {
    ...present("capabilityBounding", bounding === ALL_CAPABILITIES ? undefined : bounding),
    capabilityAmbient: foldCapabilities(section.all("AmbientCapabilities"), 0n),
    ...present("secureBits", secureBits === 0 ? undefined : secureBits),
  };
}
