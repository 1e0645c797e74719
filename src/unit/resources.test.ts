import { describe, expect, test } from "vitest";
import { type DeviceRules, type ResourceLimits, readResources } from "./resources.ts";
import { SectionReader } from "./section-reader.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

const SANDBOX = { privateDevices: false, protectClock: false };

function resources(lines: string, sandbox: Partial<typeof SANDBOX> = {}): ResourceLimits {
  const file = parseUnitFile(`[Service]\n${lines.replaceAll("; ", "\n")}\n`);
  const section = new SectionReader(file, "Service", specifierContext("a.service"));
  return readResources(section, { ...SANDBOX, ...sandbox });
}

function rules(lines: string, sandbox: Partial<typeof SANDBOX> = {}): DeviceRules | undefined {
  return resources(lines, sandbox).deviceRules;
}

const NULL = { device: "/dev/null", rights: "rw" };

describe("devices", () => {
  test.each([
    ["Nice=1"],
    ["DevicePolicy=auto"],
    ["DeviceAllow=/dev/null rw; DeviceAllow="],
    ["DevicePolicy=strict; DevicePolicy=auto"],
  ])("are all free with %s", (lines) => {
    expect(rules(lines)).toBeUndefined();
  });

  test.each<[string, DeviceRules]>([
    ["DevicePolicy=closed", { standard: true, allow: [], isImplied: false }],
    ["DevicePolicy=strict", { standard: false, allow: [], isImplied: false }],
    ["DeviceAllow=/dev/null rw", { standard: true, allow: [NULL], isImplied: false }],
    ["DevicePolicy=strict; DeviceAllow=/dev/null rw", { standard: false, allow: [NULL], isImplied: false }],
    [
      "DeviceAllow=/dev/null rw; DeviceAllow=; DeviceAllow=char-pts",
      { standard: true, allow: [{ device: "char-pts", rights: "" }], isImplied: false },
    ],
  ])("are few with %s", (lines, expected) => {
    expect(rules(lines)).toEqual(expected);
  });

  test("are the standard ones where they are private", () => {
    expect(rules("", { privateDevices: true })).toEqual({ standard: true, allow: [], isImplied: true });
  });

  test("are the standard ones and the clock's where that is protected", () => {
    const allow = [{ device: "char-rtc", rights: "r" }];
    expect(rules("", { protectClock: true })).toEqual({ standard: true, allow, isImplied: true });
    expect(rules("DevicePolicy=strict", { protectClock: true })).toEqual({
      standard: false,
      allow,
      isImplied: false,
    });
  });
});

test("the time that a device may take is one of the limits of its input and output", () => {
  expect(resources("IODeviceLatencyTargetSec=/dev/sda 25ms; BlockIOWeight=10")).toEqual({
    ioDeviceLatency: [{ path: "/dev/sda", value: 25 }],
  });
});

describe("keys of before 2016", () => {
  test.each<[string, ResourceLimits]>([
    ["MemoryLimit=1K", { memoryMax: { bytes: 1024 } }],
    ["MemoryLimit=1K; MemoryMax=2K", { memoryMax: { bytes: 2048 } }],
    ["MemoryLimit=1K; MemoryHigh=2K", { memoryHigh: { bytes: 2048 } }],
    ["CPUShares=2048", { cpuWeight: 200 }],
    ["CPUShares=2048; CPUWeight=7", { cpuWeight: 7 }],
    ["BlockIOWeight=250", { ioWeight: 50 }],
    ["BlockIOWeight=250; IOReadIOPSMax=/dev/sda 5", { ioReadIopsMax: [{ path: "/dev/sda", value: 5 }] }],
    [
      "BlockIODeviceWeight=/dev/sda 1000; BlockIOReadBandwidth=/dev/sda 1K; BlockIOWriteBandwidth=/dev/sdb 2K",
      {
        ioDeviceWeight: [{ path: "/dev/sda", value: 200 }],
        ioReadBandwidthMax: [{ path: "/dev/sda", value: 1000 }],
        ioWriteBandwidthMax: [{ path: "/dev/sdb", value: 2000 }],
      },
    ],
  ])("%s count where none is set that took their place", (lines, limits) => {
    expect(resources(lines)).toEqual(limits);
  });
});
