import { expect, test } from "vitest";
import { cpuSet, deviceBandwidth, deviceOperations, deviceWeight } from "./device-values.ts";
import { Complaint } from "./diagnostic.ts";
import type { Grammar } from "./grammar.ts";
import { specifierContext } from "./specifiers.ts";

const SPECIFIERS = specifierContext("web@sda.service");

function read<T>(grammar: Grammar<T>, text: string): T | string {
  const value = grammar.parse(text, { key: "Key", specifiers: SPECIFIERS, warn: () => undefined });
  return value instanceof Complaint ? value.message : value;
}

test.each([
  ["0", "0"],
  ["0-3,8", "0-3,8"],
  ["0-3 8,  9", "0-3,8-9"],
  ["abc", "Failed to parse CPU affinity 'abc'"],
  ["1-", "Failed to parse CPU affinity '1-'"],
  ["5-3 7", "7"],
  ["99999", "Cannot add CPU 99999 to set: Numerical result out of range"],
  ["%z", "Failed to resolve unit specifiers in '%z', ignoring: Invalid slot"],
])("CPUs written %s are %s", (text, expected) => {
  expect(read(cpuSet, text)).toBe(expected);
});

test.each([
  ["/dev/sda 10M", { path: "/dev/sda", value: 10_000_000 }],
  ["/dev/%i   1.5K", { path: "/dev/sda", value: 1500 }],
  ["/dev/sda infinity", { path: "/dev/sda", value: Number.POSITIVE_INFINITY }],
  ["/dev/sda", "Invalid device node or bandwidth specified in '/dev/sda', ignoring."],
  ["/dev/sda x", "Invalid IO limit 'x', ignoring."],
  ["/dev/sda 0", "Invalid IO limit '0', ignoring."],
  ["/dev/%z 5M", "Failed to resolve unit specifiers in '/dev/%z', ignoring: Invalid slot"],
])("a rate written %s is %j", (text, expected) => {
  expect(read(deviceBandwidth, text)).toEqual(expected);
  expect(read(deviceOperations, text)).toEqual(expected);
});

test.each([
  ["/dev/sda 200", { path: "/dev/sda", value: 200 }],
  ["/dev/sda 0", "IO weight '0' invalid, ignoring: Numerical result out of range"],
  ["/dev/sda 99999", "IO weight '99999' invalid, ignoring: Numerical result out of range"],
  ["/dev/sda much", "IO weight 'much' invalid, ignoring: Invalid argument"],
  ["/dev/sda", "Invalid device path or weight specified in '/dev/sda', ignoring."],
])("a device's weight written %s is %j", (text, expected) => {
  expect(read(deviceWeight, text)).toEqual(expected);
});
