/**
 * Device rules of version 1: which nodes a unit may open, and with which rights (the kernel's cgroup-v1/devices.rst;
 * systemd.resource-control(5), DeviceAllow= and DevicePolicy=). Pure but for `machineDevices`.
 */
import { readFileSync, statSync } from "node:fs";
import { matchGlob } from "#unit/glob.ts";
import type { DeviceRights, DeviceRules } from "#unit/resources.ts";
import { formatDevice } from "./block-device.ts";

/** A driver as /proc/devices lists it. */
export interface DeviceGroup {
  readonly kind: "char" | "block";
  readonly name: string;
  readonly major: number;
}

/** The devices of this machine. */
export interface MachineDevices {
  /** `c 1:3`; undefined for what is no device node. */
  nodeOf(path: string): string | undefined;
  groups(): readonly DeviceGroup[];
}

/** What every unit may open unless its policy is strict. */
const STANDARD: readonly DeviceRights[] = [
  ...["null", "zero", "full", "random", "urandom", "tty", "ptmx"].map((name) => ({
    device: `/dev/${name}`,
    rights: "rwm",
  })),
  { device: "char-pts", rights: "rw" },
];

/** Lines for devices.allow, once nothing is allowed; what this machine does not have gives none. */
export function deviceLines({ standard, allow }: DeviceRules, machine: MachineDevices): readonly string[] {
  const wanted = [...(standard ? STANDARD : []), ...allow];
  return wanted.flatMap(({ device, rights }) =>
    nodesOf(device, machine).map((node) => `${node} ${rights === "" ? "rwm" : rights}`),
  );
}

function nodesOf(device: string, machine: MachineDevices): readonly string[] {
  const [, kind, pattern] = /^(char|block)-(.*)$/.exec(device) ?? [];
  if (kind === undefined || pattern === undefined) return listed(machine.nodeOf(device));
  const letter = kind === "char" ? "c" : "b";
  if (pattern === "*") return [`${letter} *:*`];
  const groups = machine.groups().filter((group) => group.kind === kind && matchGlob(pattern, group.name));
  return groups.map(({ major }) => `${letter} ${major}:*`);
}

function listed(node: string | undefined): readonly string[] {
  return node === undefined ? [] : [node];
}

/** The text of /proc/devices. */
export function parseDeviceGroups(text: string): readonly DeviceGroup[] {
  let kind: DeviceGroup["kind"] = "char";
  const groups: DeviceGroup[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("Block")) kind = "block";
    const [, major, name] = /^ *(\d+) (.+)$/.exec(line) ?? [];
    if (name !== undefined) groups.push({ kind, name, major: Number(major) });
  }
  return groups;
}

export const machineDevices: MachineDevices = {
  nodeOf: (path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isCharacterDevice() === true) return `c ${formatDevice(found.rdev)}`;
    return found?.isBlockDevice() === true ? `b ${formatDevice(found.rdev)}` : undefined;
  },
  groups: () => parseDeviceGroups(readFileSync("/proc/devices", "utf8")),
};
