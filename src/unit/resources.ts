/**
 * What a unit's control group is held to: the resource keys that services, sockets, slices and others share
 * (systemd.resource-control(5)).
 */
import type { SectionReader } from "./section-reader.ts";

/** A limit as a number or as a share (0 to 1 and above) of what the machine has; absent means none. */
export type Limit = { readonly bytes: number } | { readonly share: number };

export type TasksLimit = { readonly count: number } | { readonly share: number };

/** A setting for the block device behind a path. */
export interface DeviceSetting {
  /** A device node, or any file on the device. */
  readonly path: string;
  /** Bytes or operations a second, a weight, or a time. */
  readonly value: number;
}

/** A device node, or the drivers that `char-…` or `block-…` match, with any of the rights `rwm`; none stands for all. */
export interface DeviceRights {
  readonly device: string;
  readonly rights: string;
}

/** Which devices may be opened; all others may not. */
export interface DeviceRules {
  /** The standard pseudo devices as well: /dev/null, /dev/urandom, terminals and the like. */
  readonly standard: boolean;
  readonly allow: readonly DeviceRights[];
  /** Only sandboxing asks for it: PrivateDevices= and ProtectClock=. */
  readonly isImplied: boolean;
}

export interface ResourceLimits {
  readonly memoryMax?: Limit;
  readonly memoryHigh?: Limit;
  readonly memoryMin?: Limit;
  readonly memoryLow?: Limit;
  readonly memorySwapMax?: Limit;
  readonly memoryZSwapMax?: Limit;
  /** Cores: 0.5 is half a core (CPUQuota=50%). */
  readonly cpuCores?: number;
  /** Milliseconds over which the quota is counted. */
  readonly cpuPeriodMs?: number;
  /** 100 is everybody's; 0 is `idle`; of former keys not whole. */
  readonly cpuWeight?: number;
  /** CPUs by number, as the kernel writes lists: `0-3,8`. */
  readonly allowedCpus?: string;
  readonly allowedMemoryNodes?: string;
  readonly tasksMax?: TasksLimit;
  readonly ioWeight?: number;
  readonly ioDeviceWeight?: readonly DeviceSetting[];
  readonly ioReadBandwidthMax?: readonly DeviceSetting[];
  readonly ioWriteBandwidthMax?: readonly DeviceSetting[];
  readonly ioReadIopsMax?: readonly DeviceSetting[];
  readonly ioWriteIopsMax?: readonly DeviceSetting[];
  /** Milliseconds. */
  readonly ioDeviceLatency?: readonly DeviceSetting[];
  readonly deviceRules?: DeviceRules;
}

/** The key behind each limit. */
export const LIMIT_KEYS = {
  memoryMax: "MemoryMax",
  memoryHigh: "MemoryHigh",
  memoryMin: "MemoryMin",
  memoryLow: "MemoryLow",
  memorySwapMax: "MemorySwapMax",
  memoryZSwapMax: "MemoryZSwapMax",
  cpuCores: "CPUQuota",
  cpuPeriodMs: "CPUQuotaPeriodSec",
  cpuWeight: "CPUWeight",
  allowedCpus: "AllowedCPUs",
  allowedMemoryNodes: "AllowedMemoryNodes",
  tasksMax: "TasksMax",
  ioWeight: "IOWeight",
  ioDeviceWeight: "IODeviceWeight",
  ioReadBandwidthMax: "IOReadBandwidthMax",
  ioWriteBandwidthMax: "IOWriteBandwidthMax",
  ioReadIopsMax: "IOReadIOPSMax",
  ioWriteIopsMax: "IOWriteIOPSMax",
  ioDeviceLatency: "IODeviceLatencyTargetSec",
  deviceRules: "DevicePolicy",
} as const satisfies Record<keyof ResourceLimits, string>;

/** Sections whose units have a control group of their own. */
export type ResourceSection = "Service" | "Slice" | "Socket" | "Mount" | "Swap" | "Scope";

/** What sandboxing has to do with devices. */
export interface DeviceSandbox {
  readonly privateDevices: boolean;
  readonly protectClock: boolean;
}

/** The resource keys of a section. Only keys that are set are there. */
export function readResources(
  section: SectionReader<ResourceSection>,
  sandbox: DeviceSandbox = { privateDevices: false, protectClock: false },
): ResourceLimits {
  return {
    ...present("deviceRules", readDeviceRules(section, sandbox)),
    ...readMemory(section),
    ...present("cpuCores", section.last("CPUQuota")),
    ...present("cpuPeriodMs", section.last("CPUQuotaPeriodSec")),
    ...present("cpuWeight", section.last("CPUWeight") ?? weightOfShares(section.last("CPUShares"))),
    ...present("allowedCpus", joined(section.all("AllowedCPUs"))),
    ...present("allowedMemoryNodes", joined(section.all("AllowedMemoryNodes"))),
    ...present("tasksMax", section.last("TasksMax")),
    ...readIo(section),
  };
}

/** A former key counts where none of the keys that took its place is set; so says each group of them. */
function readMemory(section: SectionReader<ResourceSection>): ResourceLimits {
  const limits = {
    ...present("memoryMax", section.last("MemoryMax")),
    ...present("memoryHigh", section.last("MemoryHigh")),
    ...present("memoryMin", section.last("MemoryMin")),
    ...present("memoryLow", section.last("MemoryLow")),
    ...present("memorySwapMax", section.last("MemorySwapMax")),
    ...present("memoryZSwapMax", section.last("MemoryZSwapMax")),
  };
  return Object.keys(limits).length > 0 ? limits : present("memoryMax", section.last("MemoryLimit"));
}

/** Everybody's shares were 1024, and everybody's weight is 100. */
function weightOfShares(shares: number | undefined): number | undefined {
  return shares === undefined ? undefined : (shares * 100) / 1024;
}

function readIo(section: SectionReader<ResourceSection>): ResourceLimits {
  const limits = {
    ...present("ioWeight", section.last("IOWeight")),
    ...present("ioDeviceWeight", some(section.all("IODeviceWeight"))),
    ...present("ioReadBandwidthMax", some(section.all("IOReadBandwidthMax"))),
    ...present("ioWriteBandwidthMax", some(section.all("IOWriteBandwidthMax"))),
    ...present("ioReadIopsMax", some(section.all("IOReadIOPSMax"))),
    ...present("ioWriteIopsMax", some(section.all("IOWriteIOPSMax"))),
    ...present("ioDeviceLatency", some(section.all("IODeviceLatencyTargetSec"))),
  };
  return Object.keys(limits).length > 0 ? limits : readBlockIo(section);
}

/** Everybody's weight was 500. */
const BLOCK_IO_SCALE = 100 / 500;

function readBlockIo(section: SectionReader<ResourceSection>): ResourceLimits {
  const weight = section.last("BlockIOWeight");
  const deviceWeights = section
    .all("BlockIODeviceWeight")
    .map(({ path, value }) => ({ path, value: value * BLOCK_IO_SCALE }));
  return {
    ...present("ioWeight", weight === undefined ? undefined : weight * BLOCK_IO_SCALE),
    ...present("ioDeviceWeight", some(deviceWeights)),
    ...present("ioReadBandwidthMax", some(section.all("BlockIOReadBandwidth"))),
    ...present("ioWriteBandwidthMax", some(section.all("BlockIOWriteBandwidth"))),
  };
}

/** Undefined: any device may be opened (systemd.resource-control(5), DevicePolicy=auto without DeviceAllow=). */
function readDeviceRules(
  section: SectionReader<ResourceSection>,
  { privateDevices, protectClock }: DeviceSandbox,
): DeviceRules | undefined {
  const policy = section.last("DevicePolicy") ?? "auto";
  const asked = section.all("DeviceAllow");
  const allow = protectClock ? [...asked, { device: "char-rtc", rights: "r" }] : asked;
  const isImplied = policy === "auto" && asked.length === 0;
  if (isImplied && !privateDevices && !protectClock) return undefined;
  return { standard: policy !== "strict", allow, isImplied };
}

/** The list of CPUs that several assignments name together. */
function joined(lists: readonly string[]): string | undefined {
  const named = lists.filter((list) => list !== "");
  return named.length === 0 ? undefined : named.join(",");
}

function some<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length === 0 ? undefined : values;
}

/** A property that is there only when it has a value. */
function present<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  const properties: { [P in K]?: T } = {};
  if (value !== undefined) properties[key] = value;
  return properties;
}
