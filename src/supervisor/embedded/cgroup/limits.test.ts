import { describe, expect, test } from "vitest";
import type { ResourceLimits } from "#unit/resources.ts";
import { type LimitContext, limitSettings } from "./limits.ts";

const CONTEXT: LimitContext = {
  memoryBytes: 1000,
  maxTasks: 200,
  deviceOf: (path) => (path === "/dev/sda" ? "8:0" : undefined),
  devices: { nodeOf: (path) => (path === "/dev/null" ? "c 1:3" : undefined), groups: () => [] },
};

/** `file text` of every line a version writes. */
function written(version: 1 | 2, limits: ResourceLimits): readonly string[] {
  return limitSettings(limits, CONTEXT).flatMap((setting) =>
    (setting[version] ?? []).map(({ files, text }) => `${files[0]} ${text}`),
  );
}

describe("what is written", () => {
  test.each<[ResourceLimits, readonly string[], readonly string[]]>([
    [{ memoryMax: { bytes: 64 } }, ["memory.limit_in_bytes 64"], ["memory.max 64"]],
    [{ memoryMax: { share: 0.5 } }, ["memory.limit_in_bytes 500"], ["memory.max 500"]],
    [{ memoryMax: { bytes: Number.POSITIVE_INFINITY } }, ["memory.limit_in_bytes -1"], ["memory.max max"]],
    [{ memoryHigh: { bytes: 9 } }, [], ["memory.high 9"]],
    [
      { deviceRules: { standard: true, allow: [], isImplied: false } },
      ["devices.deny a", "devices.allow c 1:3 rwm"],
      [],
    ],
    [{ memoryMin: { bytes: 9 }, memoryLow: { bytes: 8 } }, [], ["memory.min 9", "memory.low 8"]],
    [
      { memorySwapMax: { bytes: 0 }, memoryZSwapMax: { bytes: 1 } },
      [],
      ["memory.swap.max 0", "memory.zswap.max 1"],
    ],
    [{ cpuCores: 0.5 }, ["cpu.cfs_period_us 100000", "cpu.cfs_quota_us 50000"], ["cpu.max 50000 100000"]],
    [
      { cpuCores: 2, cpuPeriodMs: 10 },
      ["cpu.cfs_period_us 10000", "cpu.cfs_quota_us 20000"],
      ["cpu.max 20000 10000"],
    ],
    [{ cpuWeight: 100 }, ["cpu.shares 1024"], ["cpu.weight 100"]],
    [{ cpuWeight: 200 / 1024 }, ["cpu.shares 2"], ["cpu.weight 1"]],
    [{ ioWeight: 2.2 }, ["blkio.weight 11"], ["io.weight default 2"]],
    [{ cpuWeight: 0 }, ["cpu.shares 2"], ["cpu.idle 1"]],
    [{ allowedCpus: "0-1,3" }, ["cpuset.cpus 0-1,3"], ["cpuset.cpus 0-1,3"]],
    [{ allowedMemoryNodes: "0" }, ["cpuset.mems 0"], ["cpuset.mems 0"]],
    [{ tasksMax: { share: 0.5 } }, ["pids.max 100"], ["pids.max 100"]],
    [{ tasksMax: { count: Number.POSITIVE_INFINITY } }, ["pids.max max"], ["pids.max max"]],
    [{ ioWeight: 100 }, ["blkio.weight 500"], ["io.weight default 100"]],
    [{ ioWeight: 10_000 }, ["blkio.weight 1000"], ["io.weight default 10000"]],
    [
      { ioReadBandwidthMax: [{ path: "/dev/sda", value: 5000 }] },
      ["blkio.throttle.read_bps_device 8:0 5000"],
      ["io.max 8:0 rbps=5000"],
    ],
    [
      { ioWriteIopsMax: [{ path: "/dev/sda", value: Number.POSITIVE_INFINITY }] },
      ["blkio.throttle.write_iops_device 8:0 0"],
      ["io.max 8:0 wiops=max"],
    ],
    [
      { ioDeviceWeight: [{ path: "/dev/sda", value: 200 }] },
      ["blkio.weight_device 8:0 1000"],
      ["io.weight 8:0 200"],
    ],
    [{ ioDeviceLatency: [{ path: "/dev/sda", value: 25 }] }, [], ["io.latency 8:0 target=25000"]],
  ])("for %j", (limits, first, second) => {
    expect(written(1, limits)).toEqual(first);
    expect(written(2, limits)).toEqual(second);
  });
});

test("a quota and its period stay within what the kernel takes", () => {
  expect(written(2, { cpuCores: 0.001, cpuPeriodMs: 0.01 })).toEqual(["cpu.max 1000 1000"]);
  expect(written(2, { cpuCores: 1, cpuPeriodMs: 60_000 })).toEqual(["cpu.max 1000000 1000000"]);
});

test("a limit for a device that is not there stays without a file, so that it can be told of", () => {
  const [setting] = limitSettings({ ioReadBandwidthMax: [{ path: "/dev/none", value: 1 }] }, CONTEXT);
  expect(setting).toEqual({ key: "ioReadBandwidthMax", controller: "io" });
});
