import { describe, expect, test } from "vitest";
import type { DeviceRights } from "#unit/resources.ts";
import { deviceLines, type MachineDevices, machineDevices, parseDeviceGroups } from "./devices.ts";

const NODES: Readonly<Record<string, string>> = {
  "/dev/null": "c 1:3",
  "/dev/zero": "c 1:5",
  "/dev/tty": "c 5:0",
  "/dev/sda": "b 8:0",
};

const MACHINE: MachineDevices = {
  nodeOf: (path) => NODES[path],
  groups: () => [
    { kind: "char", name: "pts", major: 136 },
    { kind: "char", name: "pts", major: 137 },
    { kind: "char", name: "rtc", major: 249 },
    { kind: "block", name: "sd", major: 8 },
    { kind: "block", name: "pts", major: 9 },
  ],
};

function lines(standard: boolean, ...allow: readonly DeviceRights[]): readonly string[] {
  return deviceLines({ standard, allow, isImplied: false }, MACHINE);
}

describe("what a unit may open", () => {
  test("is nothing where the policy is strict", () => {
    expect(lines(false)).toEqual([]);
  });

  test("is the standard devices that the machine has, and terminals", () => {
    expect(lines(true)).toEqual(["c 1:3 rwm", "c 1:5 rwm", "c 5:0 rwm", "c 136:* rw", "c 137:* rw"]);
  });

  test.each([
    ["a node", "/dev/sda", "r", ["b 8:0 r"]],
    ["a node with all rights", "/dev/sda", "", ["b 8:0 rwm"]],
    ["a node that is not there", "/dev/nvme0", "rw", []],
    ["a driver", "char-rtc", "r", ["c 249:* r"]],
    ["a driver with several numbers", "char-pts", "rw", ["c 136:* rw", "c 137:* rw"]],
    ["a pattern of drivers", "block-s?", "rw", ["b 8:* rw"]],
    ["every device of a kind", "block-*", "m", ["b *:* m"]],
    ["a driver that is not there", "char-usb", "rw", []],
  ])("is added to by %s", (_, device, rights, expected) => {
    expect(lines(false, { device, rights })).toEqual(expected);
  });
});

test("/proc/devices lists character devices first", () => {
  const text = "Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n  8 sd\n253 device-mapper\n";
  expect(parseDeviceGroups(text)).toEqual([
    { kind: "char", name: "mem", major: 1 },
    { kind: "char", name: "pts", major: 136 },
    { kind: "block", name: "sd", major: 8 },
    { kind: "block", name: "device-mapper", major: 253 },
  ]);
});

test("this machine's null device is known by its number, and what is no device is not", () => {
  expect(machineDevices.nodeOf("/dev/null")).toBe("c 1:3");
  expect(machineDevices.nodeOf("/etc/passwd")).toBeUndefined();
  expect(machineDevices.nodeOf("/no/such")).toBeUndefined();
  expect(machineDevices.groups()).toContainEqual({ kind: "char", name: "mem", major: 1 });
});
