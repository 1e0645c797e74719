/**
 * Limits as the kernel wants them written: pure tables from settings to files, for version 2 and version 1
 * (the kernel's cgroup-v2.rst and cgroup-v1/; systemd.resource-control(5) for how old and new scales compare).
 */
import type { DeviceSetting, Limit, ResourceLimits } from "#unit/resources.ts";
import { deviceLines, type MachineDevices } from "./devices.ts";
import type { Controller } from "./hierarchy.ts";

/** A line for a file of a cgroup. */
export interface FileLine {
  /** Names of the same file in different kernels; the first that is there counts. */
  readonly files: readonly string[];
  readonly text: string;
  /** The unit runs all the same where the kernel refuses it. */
  readonly optional?: true;
}

/** One limit, with what to write in each version; a version without the limit is absent. */
export interface LimitSetting {
  readonly key: keyof ResourceLimits;
  readonly controller: Controller;
  readonly 1?: readonly FileLine[];
  readonly 2?: readonly FileLine[];
  /** It follows from another key, which is enforced by other means as well. */
  readonly isImplied?: boolean;
}

/** What limits that are shares are shares of, and the machine's block devices. */
export interface LimitContext {
  readonly memoryBytes: number;
  readonly maxTasks: number;
  /** `major:minor` of the whole device that a path is, or is on; undefined when there is none. */
  deviceOf(path: string): string | undefined;
  readonly devices: MachineDevices;
}

const DEFAULT_PERIOD_MS = 100;
/** The kernel takes no other periods and no shorter quota. */
const PERIOD_MS = { least: 1, most: 1000 };
const LEAST_QUOTA_US = 1000;

export function limitSettings(limits: ResourceLimits, context: LimitContext): readonly LimitSetting[] {
  return [
    ...memorySettings(limits, context),
    ...cpuSettings(limits),
    ...cpusetSettings(limits),
    ...taskSettings(limits, context),
    ...ioSettings(limits, context),
    ...deviceRuleSetting(limits, context),
  ];
}

/** Version 2 has no files for this: a program would have to be loaded into the kernel. */
function deviceRuleSetting(
  { deviceRules }: ResourceLimits,
  { devices }: LimitContext,
): readonly LimitSetting[] {
  if (deviceRules === undefined) return [];
  const allowed = deviceLines(deviceRules, devices).map(
    // A machine may itself be kept from more than it has.
    (text) => ({ files: ["devices.allow"], text, optional: true }) as const,
  );
  const { isImplied } = deviceRules;
  return [
    { key: "deviceRules", controller: "devices", 1: [...line("a", "devices.deny"), ...allowed], isImplied },
  ];
}

function line(text: string, ...files: readonly string[]): readonly FileLine[] {
  return [{ files, text }];
}

const MEMORY_FILES = {
  memoryMax: { 1: "memory.limit_in_bytes", 2: "memory.max" },
  memoryHigh: { 2: "memory.high" },
  memoryMin: { 2: "memory.min" },
  memoryLow: { 2: "memory.low" },
  memorySwapMax: { 2: "memory.swap.max" },
  memoryZSwapMax: { 2: "memory.zswap.max" },
} as const;

function memorySettings(limits: ResourceLimits, { memoryBytes }: LimitContext): readonly LimitSetting[] {
  const row = (
    key: keyof typeof MEMORY_FILES,
    files: { readonly 1?: string; readonly 2: string },
  ): LimitSetting[] => {
    const limit = limits[key];
    if (limit === undefined) return [];
    const bytes = bytesOf(limit, memoryBytes);
    const isLimited = Number.isFinite(bytes);
    return [
      {
        key,
        controller: "memory",
        ...(files[1] === undefined ? {} : { 1: line(isLimited ? String(bytes) : "-1", files[1]) }),
        2: line(isLimited ? String(bytes) : "max", files[2]),
      },
    ];
  };
  return [
    ...row("memoryMax", MEMORY_FILES.memoryMax),
    ...row("memoryHigh", MEMORY_FILES.memoryHigh),
    ...row("memoryMin", MEMORY_FILES.memoryMin),
    ...row("memoryLow", MEMORY_FILES.memoryLow),
    ...row("memorySwapMax", MEMORY_FILES.memorySwapMax),
    ...row("memoryZSwapMax", MEMORY_FILES.memoryZSwapMax),
  ];
}

function bytesOf(limit: Limit, memoryBytes: number): number {
  return "bytes" in limit ? limit.bytes : Math.floor(limit.share * memoryBytes);
}

function cpuSettings({ cpuCores, cpuPeriodMs, cpuWeight }: ResourceLimits): readonly LimitSetting[] {
  const settings: LimitSetting[] = [];
  if (cpuCores !== undefined) settings.push(quotaSetting(cpuCores, cpuPeriodMs ?? DEFAULT_PERIOD_MS));
  if (cpuWeight === undefined) return settings;
  // The same share of the default: 100 in version 2, 1024 in version 1.
  const shares = line(String(Math.max(2, Math.round(cpuWeight * 10.24))), "cpu.shares");
  const weight = cpuWeight === 0 ? line("1", "cpu.idle") : line(wholeWeight(cpuWeight), "cpu.weight");
  return [...settings, { key: "cpuWeight", controller: "cpu", 1: shares, 2: weight }];
}

function quotaSetting(cores: number, periodMs: number): LimitSetting {
  const periodUs = Math.round(Math.min(PERIOD_MS.most, Math.max(PERIOD_MS.least, periodMs)) * 1000);
  const isLimited = Number.isFinite(cores);
  const quotaUs = String(Math.max(LEAST_QUOTA_US, Math.round(cores * periodUs)));
  return {
    key: "cpuCores",
    controller: "cpu",
    // The period first: the kernel refuses a quota that does not fit the period that counts.
    1: [
      ...line(String(periodUs), "cpu.cfs_period_us"),
      ...line(isLimited ? quotaUs : "-1", "cpu.cfs_quota_us"),
    ],
    2: line(`${isLimited ? quotaUs : "max"} ${periodUs}`, "cpu.max"),
  };
}

function cpusetSettings({ allowedCpus, allowedMemoryNodes }: ResourceLimits): readonly LimitSetting[] {
  const row = (
    key: "allowedCpus" | "allowedMemoryNodes",
    list: string | undefined,
    file: string,
  ): LimitSetting[] =>
    list === undefined ? [] : [{ key, controller: "cpuset", 1: line(list, file), 2: line(list, file) }];
  return [
    ...row("allowedCpus", allowedCpus, "cpuset.cpus"),
    ...row("allowedMemoryNodes", allowedMemoryNodes, "cpuset.mems"),
  ];
}

function taskSettings({ tasksMax }: ResourceLimits, { maxTasks }: LimitContext): readonly LimitSetting[] {
  if (tasksMax === undefined) return [];
  const count = "count" in tasksMax ? tasksMax.count : Math.floor(tasksMax.share * maxTasks);
  const written = line(Number.isFinite(count) ? String(count) : "max", "pids.max");
  return [{ key: "tasksMax", controller: "pids", 1: written, 2: written }];
}

// --- block devices -----------------------------------------------------------------------------------------------

const IO_FILES = {
  ioReadBandwidthMax: { 1: "blkio.throttle.read_bps_device", 2: "rbps" },
  ioWriteBandwidthMax: { 1: "blkio.throttle.write_bps_device", 2: "wbps" },
  ioReadIopsMax: { 1: "blkio.throttle.read_iops_device", 2: "riops" },
  ioWriteIopsMax: { 1: "blkio.throttle.write_iops_device", 2: "wiops" },
} as const;

function ioSettings(limits: ResourceLimits, context: LimitContext): readonly LimitSetting[] {
  return [
    ...ioWeightSetting(limits),
    ...deviceSettings("ioDeviceWeight", limits.ioDeviceWeight, context, (device, weight) => ({
      1: line(`${device} ${blkioWeight(weight)}`, "blkio.weight_device", "blkio.bfq.weight_device"),
      2: line(`${device} ${wholeWeight(weight)}`, "io.weight"),
    })),
    ...rateSettings("ioReadBandwidthMax", limits, context),
    ...rateSettings("ioWriteBandwidthMax", limits, context),
    ...rateSettings("ioReadIopsMax", limits, context),
    ...rateSettings("ioWriteIopsMax", limits, context),
    ...deviceSettings("ioDeviceLatency", limits.ioDeviceLatency, context, (device, targetMs) => ({
      2: line(`${device} target=${Number.isFinite(targetMs) ? targetMs * 1000 : "max"}`, "io.latency"),
    })),
  ];
}

function ioWeightSetting({ ioWeight }: ResourceLimits): readonly LimitSetting[] {
  if (ioWeight === undefined) return [];
  const first = line(String(blkioWeight(ioWeight)), "blkio.weight", "blkio.bfq.weight");
  const second = [{ files: ["io.weight", "io.bfq.weight"], text: `default ${wholeWeight(ioWeight)}` }];
  return [{ key: "ioWeight", controller: "io", 1: first, 2: second }];
}

/** 100 of version 2 is 500 of version 1, which ends at 1000. */
function blkioWeight(weight: number): number {
  return Math.min(1000, Math.max(10, Math.round(weight * 5)));
}

/** Weights of version 2 are from 1 to 10000. */
function wholeWeight(weight: number): string {
  return String(Math.min(10_000, Math.max(1, Math.trunc(weight))));
}

function rateSettings(
  key: keyof typeof IO_FILES,
  limits: ResourceLimits,
  context: LimitContext,
): readonly LimitSetting[] {
  return deviceSettings(key, limits[key], context, (device, rate) => ({
    // Nothing is no limit in version 1.
    1: line(`${device} ${Number.isFinite(rate) ? rate : 0}`, IO_FILES[key][1]),
    2: line(`${device} ${IO_FILES[key][2]}=${Number.isFinite(rate) ? rate : "max"}`, "io.max"),
  }));
}

/** A device that is not there leaves the limit without a file, so that it is told of as not enforced. */
function deviceSettings(
  key: keyof ResourceLimits,
  settings: readonly DeviceSetting[] | undefined,
  { deviceOf }: LimitContext,
  write: (device: string, value: number) => Pick<LimitSetting, 1 | 2>,
): readonly LimitSetting[] {
  return (settings ?? []).map(({ path, value }) => {
    const device = deviceOf(path);
    return { key, controller: "io", ...(device === undefined ? {} : write(device, value)) };
  });
}
