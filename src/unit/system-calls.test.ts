import { expect, test } from "vitest";
import { isSystemCall, isSystemCallGroup } from "./system-calls.ts";

test.each(["read", "write", "accept4", "_sysctl", "clone3", "osf_wait4", "writev"])(
  "%s is a system call",
  (name) => {
    expect(isSystemCall(name)).toBe(true);
  },
);

test.each(["", "rea", "eread", "read write", "READ", "printf", "constructor", "@obsolete"])(
  "%j is no system call",
  (name) => {
    expect(isSystemCall(name)).toBe(false);
  },
);

test.each(["system-service", "aio", "timer", "known", "default"])("@%s is a group", (group) => {
  expect(isSystemCallGroup(group)).toBe(true);
});

test.each(["", "@aio", "system", "service", "aio basic-io"])("%j is the name of no group", (group) => {
  expect(isSystemCallGroup(group)).toBe(false);
});
