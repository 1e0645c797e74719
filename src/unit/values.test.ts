import { describe, expect, test } from "vitest";
import { pathTest, valueTest } from "./condition.ts";
import { Complaint } from "./diagnostic.ts";
import {
  failover,
  fleetBoolean,
  fleetValues,
  machineId,
  maxPerMachine,
  preferences,
} from "./fleet-values.ts";
import type { Grammar } from "./grammar.ts";
import {
  cpuQuota,
  cpuWeight,
  ioWeight,
  memoryFloor,
  memoryLimit,
  resourceLimit,
  tasksLimit,
} from "./resource-values.ts";
import {
  account,
  environmentFile,
  exitStatuses,
  variableNames,
  variableNamesOrAssignments,
  workingDirectory,
} from "./service-values.ts";
import { specifierContext } from "./specifiers.ts";
import * as values from "./values.ts";

const SPECIFIERS = specifierContext("web@1.service");

/** The value, or `severity: complaint`; warnings are left out. */
function parse<T>(grammar: Grammar<T>, text: string): T | string {
  const value = grammar.parse(text, { key: "Key", specifiers: SPECIFIERS, warn: () => undefined });
  return value instanceof Complaint ? `${value.severity}: ${value.message}` : value;
}

test.each(["1", "yes", "y", "true", "t", "on", "YES", "True", "oN"])("%s is true", (text) => {
  expect(parse(values.boolean, text)).toBe(true);
});

test.each(["0", "no", "n", "false", "f", "off", "NO", "False"])("%s is false", (text) => {
  expect(parse(values.boolean, text)).toBe(false);
});

test.each(["2", "maybe", "yess", "-1"])("%s is neither", (text) => {
  expect(parse(values.boolean, text)).toBe(`warning: Failed to parse boolean value, ignoring: ${text}`);
});

describe("numbers and times", () => {
  test.each<[string, Grammar<unknown>, string, unknown]>([
    ["a time span", values.timeSpan, "1min 30", 90_000],
    ["a time span that never ends", values.timeSpan, "infinity", Number.POSITIVE_INFINITY],
    ["a timeout of 0 is none", values.timeout, "0", Number.POSITIVE_INFINITY],
    [
      "a bad timeout names its key",
      values.timeout,
      "x",
      "warning: Failed to parse Key= parameter, ignoring: x",
    ],
    ["an unsigned number", values.unsigned, "7", 7],
    [
      "an unsigned number below zero",
      values.unsigned,
      "-7",
      "warning: Failed to parse unsigned value, ignoring: -7",
    ],
    ["a size", values.size, "2K", 2048],
    ["an octal mode", values.mode, "0750", 0o750],
    [
      "a mode with a digit too high",
      values.mode,
      "0999",
      "warning: Failed to parse mode value, ignoring: 0999",
    ],
  ])("%s", (_, grammar, text, expected) => {
    expect(parse(grammar, text)).toBe(expected);
  });
});

describe("signals", () => {
  test.each([
    ["SIGTERM", "TERM"],
    ["TERM", "TERM"],
    ["15", "TERM"],
    ["31", "SYS"],
    ["RTMIN+3", "RTMIN+3"],
    ["SIGRTMIN", "RTMIN"],
    ["34", "RTMIN"],
    ["64", "RTMIN+30"],
  ])("%s is %s", (text, name) => {
    expect(parse(values.signal, text)).toBe(name);
  });

  test.each(["0", "32", "33", "65", "FOO", "SIG", "RTMIN+31"])("%s is none", (text) => {
    expect(parse(values.signal, text)).toBe(`warning: Failed to parse signal name, ignoring: ${text}`);
  });
});

describe("names, paths and addresses", () => {
  test.each<[string, Grammar<unknown>, string, unknown]>([
    ["a path is simplified", values.absolutePath, "/a//b/./%i/", "/a/b/1"],
    [
      "one that goes up",
      values.absolutePath,
      "/a/../b",
      "warning: Key= path is not normalized, ignoring: /a/../b",
    ],
    [
      "a relative one is refused",
      values.absolutePath,
      "a/b",
      "warning: Key= path is not absolute, ignoring: a/b",
    ],
    ["names of units", values.unitNames, "a.service b@%i.timer", ["a.service", "b@1.timer"]],
    ["what is no name is left out", values.unitNames, 'a "b.service" c.service', ["c.service"]],
    ["one name", values.unitName, "%p.service", "web.service"],
    ["a bad name", values.unitName, "web", "warning: Unit type not valid, ignoring: web"],
    [
      "addresses",
      values.documentationUrls,
      "man:a(8) http://x file:/y info:z nope",
      ["man:a(8)", "http://x", "file:/y", "info:z"],
    ],
    ["text with specifiers", values.expandedText, "Web %i", "Web 1"],
  ])("%s", (_, grammar, text, expected) => {
    expect(parse(grammar, text)).toEqual(expected);
  });
});

describe("limits", () => {
  test.each<[Grammar<unknown>, string, unknown]>([
    [memoryLimit, "1.5G", { bytes: 1_610_612_736 }],
    [memoryLimit, "50%", { share: 0.5 }],
    [memoryLimit, "100%", { share: 1 }],
    [memoryLimit, "101%", "warning: Invalid memory limit '101%', ignoring: Invalid argument"],
    [memoryLimit, "0", "warning: Memory limit '0' out of range, ignoring."],
    [memoryLimit, "0%", "warning: Memory limit '0%' out of range, ignoring."],
    [memoryLimit, "infinity", { bytes: Number.POSITIVE_INFINITY }],
    [memoryFloor, "0", { bytes: 0 }],
    [tasksLimit, "20", { count: 20 }],
    [tasksLimit, "10%", { share: 0.1 }],
    [tasksLimit, "0", "warning: Maximum tasks value '0' out of range, ignoring."],
    [cpuQuota, "250%", 2.5],
    [cpuQuota, "50", "warning: Invalid CPU quota '50', ignoring."],
    [cpuWeight, "idle", 0],
    [cpuWeight, "10000", 10_000],
    [cpuWeight, "10001", "warning: Invalid CPU weight, ignoring: 10001"],
    [ioWeight, "0", "warning: Invalid weight, ignoring: 0"],
    [resourceLimit("count"), "1:2", { soft: 1, hard: 2 }],
    [resourceLimit("count"), "1:infinity", { soft: 1, hard: Number.POSITIVE_INFINITY }],
    [
      resourceLimit("count"),
      "2:1",
      "warning: Soft resource limit chosen higher than hard limit, ignoring: 2:1",
    ],
    [resourceLimit("count"), "1:2:3", "warning: Failed to parse resource value, ignoring: 1:2:3"],
    [resourceLimit("bytes"), "1K", { soft: 1024, hard: 1024 }],
    [resourceLimit("seconds"), "1500ms", { soft: 2, hard: 2 }],
    [resourceLimit("microseconds"), "5", { soft: 5, hard: 5 }],
    [resourceLimit("nice"), "-20", { soft: 40, hard: 40 }],
  ])("%# %o takes %s as %j", (grammar, text, expected) => {
    expect(parse(grammar, text)).toEqual(expected);
  });
});

describe("composite values of a service", () => {
  test.each<[Grammar<unknown>, string, unknown]>([
    [exitStatuses, "0 255 SIGKILL HUP USAGE CONFIG", { codes: [0, 255, 64, 78], signals: ["KILL", "HUP"] }],
    [variableNamesOrAssignments, "A B=1 1C -", ["A", "B=1"]],
    [variableNames, "A B=1", ["A"]],
    [exitStatuses, "256 -1 x", { codes: [], signals: [] }],
    [environmentFile, "-/etc/%p.env", { path: "/etc/web.env", optional: true }],
    [environmentFile, "etc", "warning: Key= path is not absolute, ignoring: etc"],
    [workingDirectory, "~", { path: "~", optional: false }],
    [workingDirectory, "a", "error: WorkingDirectory= path is not absolute: a"],
    [
      workingDirectory,
      "-%z",
      "warning: Failed to resolve unit specifiers in working directory path '%z', ignoring: Invalid slot",
    ],
    [account, "www-data", "www-data"],
    [account, "1000", "1000"],
    [account, "-1", "error: Invalid user/group name or numeric ID: -1"],
    [account, "012", "error: Invalid user/group name or numeric ID: 012"],
    [workingDirectory, "/a/../b", "error: WorkingDirectory= path is not normalized: /a/../b"],
    [account, "a/b", "error: Invalid user/group name or numeric ID: a/b"],
    [pathTest, "|!/a", { argument: "/a", triggering: true, negated: true }],
    [pathTest, "a", "warning: Key= path is not absolute, ignoring: a"],
    [valueTest, "!x y", { argument: "x y", triggering: false, negated: true }],
  ])("%# %o takes %s as %j", (grammar, text, expected) => {
    expect(parse(grammar, text)).toEqual(expected);
  });
});

describe("values of [X-Fleet] and [X-Flotilla]", () => {
  test.each([
    ["a b", ["a b"]],
    ['"a" "b c"', ["a", "b c"]],
    ['"a"', ["a"]],
    ['a "b"', ['a "b"']],
    ['"', ['"']],
    ["%p@%i %u", ["web@1 %u"]],
  ])("%s is %j", (text, expected) => {
    expect(fleetValues(text, SPECIFIERS)).toEqual(expected);
  });

  test.each<[Grammar<unknown>, string, unknown]>([
    [fleetBoolean, "TRUE", true],
    [fleetBoolean, "y", false],
    [machineId, "0123ABCD", "0123abcd"],
    [machineId, "0123", "error: MachineID= is not a machine ID: 0123"],
    [failover, "strict", "strict"],
    [failover, "never", "error: Failover= is neither eager nor strict: never"],
    [maxPerMachine, "3", 3],
    [maxPerMachine, "03", "error: MaxPerMachine= is not a whole number from 1: 03"],
    [preferences, "a=b:7", [{ key: "a", value: "b", weight: 7 }]],
    [preferences, "a=b:c", [{ key: "a", value: "b:c", weight: 1 }]],
  ])("%# %o takes %s as %j", (grammar, text, expected) => {
    expect(parse(grammar, text)).toEqual(expected);
  });
});
