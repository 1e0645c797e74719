import { describe, expect, test } from "vitest";
import type { Keys } from "./key.ts";
import { COMMON_SECTIONS, findKey, OWN_SECTION, SECTIONS } from "./keys.ts";
import { UNIT_SUFFIXES } from "./name.ts";

const ROWS = Object.entries(SECTIONS).flatMap(([section, keys]: readonly [string, Keys]) =>
  Object.entries(keys).map(([key, row]) => ({ section, key, row })),
);

test("every type of unit has its section or shares the common ones", () => {
  for (const suffix of UNIT_SUFFIXES)
    expect([...COMMON_SECTIONS, undefined]).not.toContain(OWN_SECTION[suffix] ?? suffix);
});

describe("how assignments of a key add up", () => {
  test.each([
    ["Unit", "After", "additive"],
    ["Unit", "Wants", "additive"],
    ["Unit", "ConditionPathExists", "list"],
    ["Unit", "Description", "last"],
    ["Service", "ExecStart", "list"],
    ["Service", "Environment", "list"],
    ["Service", "EnvironmentFile", "list"],
    ["Service", "SystemCallFilter", "list"],
    ["Service", "ReadWritePaths", "list"],
    ["Service", "Type", "last"],
    ["Timer", "OnBootSec", "list"],
    ["Timer", "OnCalendar", "list"],
    ["Install", "WantedBy", "list"],
    ["X-Fleet", "MachineMetadata", "additive"],
  ])("[%s] %s: %s", (section, key, merge) => {
    expect(findKey(section, key)?.merge).toBe(merge);
  });
});

test("a name that every object has is no key", () => {
  expect(findKey("Service", "toString")).toBeUndefined();
  expect(findKey("constructor", "name")).toBeUndefined();
  expect(findKey("Service", "execstart")).toBeUndefined();
});

test("what replaces a former key is a key of the same section that does the same", () => {
  for (const { section, row } of ROWS) {
    if (row.insteadUse === undefined) continue;
    expect(findKey(section, row.insteadUse), `${section}.${row.insteadUse}`).toBeDefined();
  }
});

test("every key has a grammar with a name for hints", () => {
  expect(ROWS.filter(({ row }) => row.value.name === "")).toEqual([]);
});

test("keys that systemd 252 does not know say since when they are", () => {
  const younger = [
    "RestartSteps",
    "RestartMaxDelaySec",
    "OpenFile",
    "ReloadSignal",
    "DelegateSubgroup",
    "ImportCredential",
  ];
  for (const key of younger) expect(findKey("Service", key)?.since, key).toBeGreaterThan(252);
});

test("keys shared by sections are the same rows", () => {
  for (const key of ["User", "MemoryMax", "KillMode"])
    expect(findKey("Socket", key)).toBe(findKey("Service", key));
});
