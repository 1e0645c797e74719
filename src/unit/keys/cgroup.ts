/** Resource keys, shared by every section whose unit has a control group: systemd.resource-control(5). */

import { parsePercent } from "#base/size.ts";
import {
  blockDeviceBandwidth,
  blockDeviceWeight,
  cpuSet,
  deviceAccess,
  deviceBandwidth,
  deviceLatency,
  deviceOperations,
  deviceWeight,
} from "../device-values.ts";
import { Complaint } from "../diagnostic.ts";
import { type Grammar, grammar, oneOf, unresolved } from "../grammar.ts";
import { last, list } from "../key.ts";
import { addressPrefixes, bindRule, bpfProgram, interfaceList } from "../network-values.ts";
import { cpuQuota, cpuWeight, ioWeight, memoryFloor, memoryLimit, tasksLimit } from "../resource-values.ts";
import type { Limit } from "../resources.ts";
import { expandNameSpecifiers } from "../specifiers.ts";
import {
  boolean,
  integer,
  listedPath,
  loadFault,
  nothing,
  parseBoolean,
  REMOVED,
  resettableTimeSpan,
  text,
  timeSpan,
} from "../values.ts";
import { wordList } from "../word-list.ts";
import { PLAIN_WORDS, splitWords } from "../words.ts";

const shares = integer(2, 262_144, "Invalid CPU shares, ignoring: %v");
const oldIoWeight = integer(10, 1000, "Invalid block IO weight, ignoring: %v");

/** systemd-oomd watches services, scopes and slices. */
function watchedByOomd<T>(inner: Grammar<T>): Grammar<T> {
  return {
    ...inner,
    parse: (value, context) =>
      ["service", "scope", "slice"].includes(context.specifiers.unit.suffix)
        ? inner.parse(value, context)
        : new Complaint(`${context.key}= is not supported for this unit type, ignoring.`),
  };
}

const oomdMode = watchedByOomd(
  grammar(
    "auto or kill",
    (value) => (["auto", "kill"] as const).find((mode) => mode === value),
    "Invalid syntax, ignoring: %v",
  ),
);

const oomdLimit = watchedByOomd(
  grammar(
    "a share such as 60%",
    (value) => {
      const share = parsePercent(value);
      return share !== undefined && share <= 1 ? share : undefined;
    },
    "Failed to parse memory pressure limit value, ignoring: %v",
  ),
);

/** A former name, of which systemd says what it has become. */
function removedSoon<K extends string>(key: K, shown: string = `${key}=`) {
  return {
    insteadUse: key,
    notice: `Unit uses %k=; please use ${shown === "" ? "IO*= settings" : shown} instead. Support for %k= will be removed soon.`,
  };
}

/** systemd says so only of a limit that it takes. */
const oldMemoryLimit: Grammar<Limit> = {
  ...memoryLimit,
  takesEmpty: true,
  parse: (value, context) => {
    const limit = value === "" ? { bytes: Number.POSITIVE_INFINITY } : memoryLimit.parse(value, context);
    if (!(limit instanceof Complaint))
      context.warn(removedSoon("MemoryMax").notice.replaceAll("%k", context.key));
    return limit;
  },
};

/** Controllers by the names that systemd gives to them and to its own. */
const CONTROLLERS =
  "cpu cpuacct cpuset io blkio memory devices pids bpf-firewall bpf-devices bpf-foreign bpf-socket-bind " +
  "bpf-restrict-network-interfaces";

function isController(name: string): boolean {
  return CONTROLLERS.split(" ").includes(name);
}

const delegated = wordList<string>({
  name: "controllers",
  read: (word) => (isController(word) ? word : new Complaint(`Invalid controller name '${word}', ignoring`)),
});

/** yes, no, or some controllers; units that run no commands of their own cannot hand any on. */
const delegation: Grammar<boolean | readonly string[]> = {
  name: "yes, no, or controllers such as cpu memory",
  takesEmpty: true,
  parse: (value, context) => {
    if (!["service", "scope"].includes(context.specifiers.unit.suffix))
      return new Complaint("Delegate= setting not supported for this unit type, ignoring.");
    return value === "" ? true : (parseBoolean(value) ?? delegated.parse(value, context));
  },
};

/** Controllers; names that are none mean nothing as long as one is good. */
const controllers = grammar(
  "controllers such as cpu memory",
  (value) => {
    const { words, unbalanced } = splitWords(value, PLAIN_WORDS);
    const good = words.filter(isController);
    return good.length === 0 || unbalanced ? undefined : good;
  },
  "Invalid cgroup string: %v, ignoring",
);

/** The slice that the unit is put in. */
const sliceName: Grammar<string> = {
  name: "the name of a slice",
  takesEmpty: true,
  parse: (value, { specifiers }) => {
    const name = expandNameSpecifiers(value, specifiers);
    if (name === undefined) return unresolved(value, "bare");
    const fault = loadFault(name);
    if (fault !== undefined) return new Complaint(`Failed to load slice unit ${name}, ignoring: ${fault}`);
    if (!name.endsWith(".slice"))
      return new Complaint(
        `Failed to assign slice ${name} to unit ${specifiers.unit.full}, ignoring: Invalid argument`,
      );
    if (isSliceName(name)) return name;
    return new Complaint(`Failed to load slice unit ${name}, ignoring: Invalid argument`);
  },
};

/** Dashes in a slice's name say which slices it is in, so that there is none at its ends and none twice. */
function isSliceName(name: string): boolean {
  const stem = name.slice(0, -".slice".length);
  return stem === "-" || (!stem.includes("@") && !/^-|-$|--/.test(stem));
}

const memoryPressureWatch = oneOf("memory pressure watch", ["auto", "on", "off", "skip"]);

export const CGROUP_KEYS = {
  CPUAccounting: last(boolean, "run"),
  CPUWeight: last(cpuWeight, "limit"),
  StartupCPUWeight: last(cpuWeight),
  CPUShares: last(shares, "limit", removedSoon("CPUWeight")),
  StartupCPUShares: last(shares, "ignored", { ...removedSoon("CPUWeight"), insteadUse: "StartupCPUWeight" }),
  CPUQuota: last(cpuQuota, "limit"),
  CPUQuotaPeriodSec: last(resettableTimeSpan, "limit", { since: 242 }),
  AllowedCPUs: list(cpuSet, "limit", { since: 244 }),
  StartupAllowedCPUs: list(cpuSet, "ignored", { since: 252 }),
  AllowedMemoryNodes: list(cpuSet, "limit", { since: 244 }),
  StartupAllowedMemoryNodes: list(cpuSet, "ignored", { since: 252 }),
  MemoryAccounting: last(boolean, "run"),
  MemoryMin: last(memoryFloor, "limit"),
  DefaultMemoryMin: last(memoryFloor, "ignored", { since: 240 }),
  MemoryLow: last(memoryFloor, "limit"),
  DefaultMemoryLow: last(memoryFloor, "ignored", { since: 240 }),
  StartupMemoryLow: last(memoryFloor, "ignored", { since: 253 }),
  MemoryHigh: last(memoryLimit, "limit"),
  StartupMemoryHigh: last(memoryLimit, "ignored", { since: 253 }),
  MemoryMax: last(memoryLimit, "limit"),
  StartupMemoryMax: last(memoryLimit, "ignored", { since: 253 }),
  MemorySwapMax: last(memoryFloor, "limit"),
  StartupMemorySwapMax: last(memoryFloor, "ignored", { since: 253 }),
  MemoryZSwapMax: last(memoryFloor, "limit", { since: 253 }),
  StartupMemoryZSwapMax: last(memoryFloor, "ignored", { since: 253 }),
  MemoryLimit: last(oldMemoryLimit, "limit", { insteadUse: "MemoryMax" }),
  MemoryPressureWatch: last(memoryPressureWatch, "ignored", { since: 254 }),
  MemoryPressureThresholdSec: last(timeSpan, "ignored", { since: 254 }),
  TasksAccounting: last(boolean, "run"),
  TasksMax: last(tasksLimit, "limit"),
  IOAccounting: last(boolean, "run"),
  IOWeight: last(ioWeight, "limit"),
  StartupIOWeight: last(ioWeight),
  IODeviceWeight: list(deviceWeight, "limit"),
  IOReadBandwidthMax: list(deviceBandwidth, "limit"),
  IOWriteBandwidthMax: list(deviceBandwidth, "limit"),
  IOReadIOPSMax: list(deviceOperations, "limit"),
  IOWriteIOPSMax: list(deviceOperations, "limit"),
  IODeviceLatencyTargetSec: list(deviceLatency, "limit", { since: 240 }),
  BlockIOAccounting: last(boolean, "run", { insteadUse: "IOAccounting" }),
  BlockIOWeight: last(oldIoWeight, "limit", { insteadUse: "IOWeight" }),
  StartupBlockIOWeight: last(oldIoWeight, "ignored", { insteadUse: "StartupIOWeight" }),
  BlockIODeviceWeight: list(blockDeviceWeight, "limit", removedSoon("IODeviceWeight", "")),
  BlockIOReadBandwidth: list(blockDeviceBandwidth, "limit", removedSoon("IOReadBandwidthMax", "")),
  BlockIOWriteBandwidth: list(blockDeviceBandwidth, "limit", removedSoon("IOWriteBandwidthMax", "")),
  IPAccounting: last(boolean),
  IPAddressAllow: list(addressPrefixes),
  IPAddressDeny: list(addressPrefixes),
  IPIngressFilterPath: list(listedPath, "ignored", { since: 243 }),
  IPEgressFilterPath: list(listedPath, "ignored", { since: 243 }),
  BPFProgram: list(bpfProgram, "ignored", { since: 249 }),
  SocketBindAllow: list(bindRule, "ignored", { since: 249 }),
  SocketBindDeny: list(bindRule, "ignored", { since: 249 }),
  RestrictNetworkInterfaces: list(interfaceList, "ignored", { since: 250 }),
  NFTSet: list(text, "ignored", { since: 255 }),
  DeviceAllow: list(deviceAccess, "limit"),
  DevicePolicy: last(oneOf("device policy", ["auto", "closed", "strict"]), "limit"),
  Slice: last(sliceName, "run"),
  Delegate: list(delegation),
  DelegateSubgroup: last(text, "ignored", { since: 254 }),
  DisableControllers: list(controllers, "ignored", { since: 240 }),
  ManagedOOMSwap: last(oomdMode, "ignored", { since: 247 }),
  ManagedOOMMemoryPressure: last(oomdMode, "ignored", { since: 247 }),
  ManagedOOMMemoryPressureLimit: last(oomdLimit, "ignored", { since: 247 }),
  ManagedOOMPreference: last(oneOf("%k=", ["none", "avoid", "omit"]), "ignored", { since: 248 }),
  NetClass: last(nothing, "ignored", { notice: REMOVED }),
} as const;
