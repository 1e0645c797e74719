/** Keys for the environment in which commands run, shared by every section that runs any: systemd.exec(5). */

import { capabilities } from "../capabilities.ts";
import { nodeMask } from "../device-values.ts";
import { environmentAssignments } from "../environment.ts";
import {
  cpuPolicy,
  cpuPriority,
  cpuSet,
  directoryNames,
  encryptedCredential,
  inputData,
  inputSource,
  inputText,
  ioClass,
  literalCredential,
  loadedCredential,
  logFacility,
  logFields,
  logLevel,
  logNamespace,
  nanoseconds,
  outputTarget,
  personality,
  searchPath,
  secureBits,
} from "../exec-values.ts";
import { type Grammar, grammar, oneOf, resettableOneOf, unresolved } from "../grammar.ts";
import {
  coredumpFilter,
  extensionImages,
  mountImages,
  rootHash,
  rootHashSignature,
  rootImageOptions,
} from "../image-values.ts";
import { type Key, last, list } from "../key.ts";
import { type LimitPair, type LimitUnit, resourceLimit } from "../resource-values.ts";
import {
  accessPaths,
  addressFamilies,
  bindMounts,
  callArchitectures,
  callError,
  directoryPreservation,
  fileSystems,
  loggedCalls,
  namespaceRestriction,
  protectHome,
  protectSystem,
  systemCalls,
  temporaryFileSystems,
} from "../sandbox-values.ts";
import {
  account,
  accounts,
  environmentFile,
  variableNames,
  variableNamesOrAssignments,
  workingDirectory,
} from "../service-values.ts";
import { expandSpecifiers } from "../specifiers.ts";
import {
  absolutePath,
  boolean,
  expandedText,
  fatalBoolean,
  fatalPath,
  integer,
  mode,
  nothing,
  REMOVED,
  resettableBoolean,
  resettableUnsigned,
  text,
  timeSpan,
  unsigned,
} from "../values.ts";

/** Resource limits by prlimit's name, as it is written behind Limit in a key. */
export const RLIMITS = {
  CPU: "seconds",
  FSIZE: "bytes",
  DATA: "bytes",
  STACK: "bytes",
  CORE: "bytes",
  RSS: "bytes",
  NOFILE: "count",
  AS: "bytes",
  NPROC: "count",
  MEMLOCK: "bytes",
  LOCKS: "count",
  SIGPENDING: "count",
  MSGQUEUE: "bytes",
  NICE: "nice",
  RTPRIO: "count",
  RTTIME: "microseconds",
} as const satisfies Record<string, LimitUnit>;

export type RlimitName = keyof typeof RLIMITS;

type RlimitKeys = { readonly [K in `Limit${RlimitName}`]: Key<LimitPair> };

function rlimitKeys(): RlimitKeys {
  const rows = Object.entries(RLIMITS).map(([name, unit]) => [
    `Limit${name}`,
    last(resourceLimit(unit), "run"),
  ]);
  // The rows are exactly those that the type spells out.
  return Object.fromEntries(rows) as RlimitKeys;
}

/** By the kernel's numbers. */
const NUMA_POLICIES = ["default", "preferred", "bind", "interleave", "local"];

const numaPolicy = grammar(
  "default, preferred, bind, interleave or local",
  (value) => (NUMA_POLICIES.includes(value) ? NUMA_POLICIES.indexOf(value) : undefined),
  "Invalid NUMA policy type, ignoring: %v",
);

/** A label for the kernel's security module; `-` before it: one that cannot be set is no failure. */
const securityLabel: Grammar<string> = {
  name: "a label, after - for one that may fail",
  parse: (value, { specifiers }) => {
    const [, optional, label = ""] = /^(-?)(.*)$/s.exec(value) ?? [];
    return (
      expandSpecifiers(label, specifiers) ?? unresolved(label, optional === "" ? "fatalQuoted" : "quoted")
    );
  },
};

export const EXEC_KEYS = {
  WorkingDirectory: last(workingDirectory, "run"),
  RootDirectory: last(fatalPath, "run"),
  RootImage: last(fatalPath),
  RootImageOptions: list(rootImageOptions, "ignored", { since: 247 }),
  RootHash: last(rootHash, "ignored", { since: 246 }),
  RootHashSignature: last(rootHashSignature, "ignored", { since: 246 }),
  RootVerity: last(fatalPath, "ignored", { since: 246 }),
  RootEphemeral: last(boolean, "ignored", { since: 254 }),
  ExtensionDirectories: list(accessPaths, "ignored", { since: 251 }),
  ExtensionImages: list(extensionImages, "ignored", { since: 248 }),
  MountImages: list(mountImages, "ignored", { since: 247 }),
  User: last(account, "run"),
  Group: last(account, "run"),
  SupplementaryGroups: list(accounts, "run"),
  DynamicUser: last(fatalBoolean, "run"),
  SetLoginEnvironment: last(boolean, "ignored", { since: 255 }),
  Nice: last(
    integer(
      -20,
      19,
      "Nice priority out of range, ignoring: %v",
      "Failed to parse nice priority '%v', ignoring: Invalid argument",
    ),
    "run",
  ),
  OOMScoreAdjust: last(
    integer(
      -1000,
      1000,
      "OOM score adjust value out of range, ignoring: %v",
      "Failed to parse the OOM score adjust value '%v', ignoring: Invalid argument",
    ),
    "run",
  ),
  CoredumpFilter: list(coredumpFilter, "run", { since: 246 }),
  IOSchedulingClass: last(ioClass, "run"),
  IOSchedulingPriority: last(integer(0, 7, "Failed to parse IO priority, ignoring: %v"), "run"),
  CPUSchedulingPolicy: last(cpuPolicy, "run"),
  CPUSchedulingPriority: last(cpuPriority, "run"),
  CPUSchedulingResetOnFork: last(boolean, "run"),
  CPUAffinity: list(cpuSet, "run"),
  NUMAPolicy: last(numaPolicy, "run", { since: 243 }),
  NUMAMask: list(nodeMask, "run", { since: 243 }),
  UMask: last(mode, "run"),
  Environment: list(environmentAssignments, "run"),
  EnvironmentFile: list(environmentFile, "run"),
  PassEnvironment: list(variableNames, "run"),
  UnsetEnvironment: list(variableNamesOrAssignments, "run"),
  ExecSearchPath: list(searchPath, "run", { since: 250 }),
  StandardInput: last(inputSource, "run"),
  StandardInputText: list(inputText, "run"),
  StandardInputData: list(inputData, "run"),
  StandardOutput: last(outputTarget, "run"),
  StandardError: last(outputTarget, "run"),
  TTYPath: last(absolutePath),
  TTYReset: last(boolean),
  TTYVHangup: last(boolean),
  TTYVTDisallocate: last(boolean),
  TTYRows: last(resettableUnsigned, "ignored", { since: 250 }),
  TTYColumns: last(resettableUnsigned, "ignored", { since: 250 }),
  SyslogIdentifier: last(expandedText, "run"),
  SyslogFacility: last(logFacility, "run"),
  SyslogLevel: last(logLevel, "run"),
  SyslogLevelPrefix: last(boolean, "run"),
  LogLevelMax: last(logLevel, "run"),
  LogRateLimitIntervalSec: last(timeSpan, "run", { since: 240 }),
  LogRateLimitBurst: last(unsigned, "run", { since: 240 }),
  LogExtraFields: list(logFields, "run"),
  LogFilterPatterns: list(text, "ignored", { since: 253 }),
  LogNamespace: last(logNamespace, "ignored", { since: 245 }),
  SecureBits: list(secureBits, "run"),
  CapabilityBoundingSet: list(capabilities, "run"),
  AmbientCapabilities: list(capabilities, "run"),
  Capabilities: last(nothing, "ignored", { notice: REMOVED }),
  TimerSlackNSec: last(nanoseconds, "run"),
  NoNewPrivileges: last(boolean, "run"),
  KeyringMode: last(oneOf("keyring mode", ["inherit", "private", "shared"])),
  ProtectProc: last(
    oneOf("/proc/ protection mode", ["default", "noaccess", "invisible", "ptraceable"]),
    "run",
    { since: 247 },
  ),
  ProcSubset: last(oneOf("/proc/ subset mode", ["all", "pid"]), "run", { since: 247 }),
  SystemCallFilter: list(systemCalls, "run"),
  SystemCallArchitectures: list(callArchitectures, "run"),
  SystemCallErrorNumber: last(callError, "run"),
  SystemCallLog: list(loggedCalls, "ignored", { since: 247 }),
  MemoryDenyWriteExecute: last(boolean, "run"),
  RestrictNamespaces: list(namespaceRestriction, "run"),
  RestrictRealtime: last(boolean, "run"),
  RestrictSUIDSGID: last(boolean, "run", { since: 242 }),
  RestrictAddressFamilies: list(addressFamilies, "run"),
  RestrictFileSystems: list(fileSystems, "ignored", { since: 250 }),
  LockPersonality: last(boolean, "run"),
  ...rlimitKeys(),
  ReadWriteDirectories: list(accessPaths, "run", { insteadUse: "ReadWritePaths" }),
  ReadOnlyDirectories: list(accessPaths, "run", { insteadUse: "ReadOnlyPaths" }),
  InaccessibleDirectories: list(accessPaths, "run", { insteadUse: "InaccessiblePaths" }),
  ReadWritePaths: list(accessPaths, "run"),
  ReadOnlyPaths: list(accessPaths, "run"),
  InaccessiblePaths: list(accessPaths, "run"),
  ExecPaths: list(accessPaths, "run", { since: 247 }),
  NoExecPaths: list(accessPaths, "run", { since: 247 }),
  BindPaths: list(bindMounts(false), "run"),
  BindReadOnlyPaths: list(bindMounts(true), "run"),
  TemporaryFileSystem: list(temporaryFileSystems, "run"),
  PrivateTmp: last(boolean, "run"),
  PrivateDevices: last(boolean, "run"),
  PrivateNetwork: last(boolean, "run"),
  PrivateUsers: last(boolean, "run"),
  PrivateMounts: last(boolean, "run", { since: 239 }),
  PrivateIPC: last(boolean, "run", { since: 248 }),
  NetworkNamespacePath: last(absolutePath, "run", { since: 242 }),
  IPCNamespacePath: last(absolutePath, "run", { since: 248 }),
  ProtectKernelTunables: last(boolean, "run"),
  ProtectKernelModules: last(boolean, "run"),
  ProtectKernelLogs: last(boolean, "run", { since: 244 }),
  ProtectClock: last(boolean, "run", { since: 245 }),
  ProtectControlGroups: last(boolean, "run"),
  ProtectHostname: last(boolean, "run", { since: 242 }),
  ProtectSystem: last(protectSystem, "run"),
  ProtectHome: last(protectHome, "run"),
  MountFlags: last(resettableOneOf("mount flag", ["shared", "slave", "private"]), "run"),
  RemoveIPC: last(boolean),
  MountAPIVFS: last(resettableBoolean, "run"),
  Personality: last(personality, "run"),
  RuntimeDirectory: list(directoryNames, "run"),
  RuntimeDirectoryMode: last(mode, "run"),
  RuntimeDirectoryPreserve: last(directoryPreservation, "run"),
  StateDirectory: list(directoryNames, "run"),
  StateDirectoryMode: last(mode, "run"),
  CacheDirectory: list(directoryNames, "run"),
  CacheDirectoryMode: last(mode, "run"),
  LogsDirectory: list(directoryNames, "run"),
  LogsDirectoryMode: last(mode, "run"),
  ConfigurationDirectory: list(directoryNames, "run"),
  ConfigurationDirectoryMode: last(mode, "run"),
  TimeoutCleanSec: last(timeSpan, "ignored", { since: 244 }),
  SetCredential: list(literalCredential, "run", { since: 247 }),
  SetCredentialEncrypted: list(encryptedCredential, "ignored", { since: 250 }),
  LoadCredential: list(loadedCredential, "run", { since: 247 }),
  LoadCredentialEncrypted: list(loadedCredential, "ignored", { since: 250 }),
  ImportCredential: list(text, "ignored", { since: 254 }),
  PAMName: last(expandedText),
  IgnoreSIGPIPE: last(boolean, "run"),
  UtmpIdentifier: last(expandedText),
  UtmpMode: last(oneOf("utmp mode", ["init", "login", "user"])),
  SELinuxContext: last(securityLabel),
  AppArmorProfile: last(securityLabel),
  SmackProcessLabel: last(securityLabel),
} as const;
