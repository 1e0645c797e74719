import { describe, expect, test } from "vitest";
import { allFields } from "../../journal-fields.ts";
import { parseEntry } from "./journal-entry.ts";

const written = {
  __CURSOR: "s=1",
  __REALTIME_TIMESTAMP: "1795439077703123",
  __MONOTONIC_TIMESTAMP: "77",
  _BOOT_ID: "b".repeat(32),
  PRIORITY: "4",
  SYSLOG_IDENTIFIER: "web",
  _PID: "7",
  _SYSTEMD_UNIT: "web.service",
  MESSAGE: "hello",
  _TRANSPORT: "stdout",
};

function entry(changes: object) {
  return parseEntry(JSON.stringify({ ...written, ...changes }));
}

describe("an entry of journald's", () => {
  test("has its fields where they belong, and all of them", () => {
    expect(entry({})).toEqual({
      cursor: "s=1",
      timeUs: 1_795_439_077_703_123,
      monotonicUs: 77,
      boot: "b".repeat(32),
      unit: "web.service",
      origin: "unit",
      priority: 4,
      pid: 7,
      identifier: "web",
      message: "hello",
      fields: { _SYSTEMD_UNIT: "web.service", _TRANSPORT: "stdout" },
    });
    const found = entry({});
    expect(found && allFields(found)).toEqual(written);
  });

  test.each([
    ["systemd on a unit", { _PID: "1", UNIT: "a.service", _SYSTEMD_UNIT: "init.scope" }, "a.service"],
    ["systemd on itself", { _PID: "1", _SYSTEMD_UNIT: "init.scope" }, "init.scope"],
    ["a core", { COREDUMP_UNIT: "a.service", _SYSTEMD_UNIT: "systemd-coredump@1.service" }, "a.service"],
    ["a helper of root's", { _UID: "0", OBJECT_SYSTEMD_UNIT: "a.service" }, "a.service"],
    ["the kernel", { _SYSTEMD_UNIT: undefined, _PID: undefined }, "init.scope"],
  ])("by %s is the supervisor's word", (_, changes, unit) => {
    expect(entry(changes)).toMatchObject({ unit, origin: "supervisor" });
  });

  test.each([
    ["claims that UNIT= is its", { UNIT: "a.service" }],
    ["is not root's and names another", { _UID: "1000", OBJECT_SYSTEMD_UNIT: "a.service" }],
  ])("stays its writer's that %s", (_, changes) => {
    expect(entry(changes)).toMatchObject({ unit: "web.service", origin: "unit" });
  });

  test("may have bytes that are no text, several values, and what is too long", () => {
    expect(entry({ MESSAGE: [104, 105, 255] })).toMatchObject({
      message: "hi\uFFFD",
      fields: { MESSAGE: [104, 105, 255] },
    });
    expect(entry({ UNIT: ["x.service", "y.service"], LONG: null })?.fields).toMatchObject({
      UNIT: ["x.service", "y.service"],
    });
  });

  test("without a priority or an identifier has the usual ones", () => {
    const bare = { PRIORITY: undefined, SYSLOG_IDENTIFIER: undefined, _COMM: "sh", MESSAGE: undefined };
    expect(entry(bare)).toMatchObject({ priority: 6, identifier: "sh", message: "" });
  });

  test.each(["", "-- No entries --", "[]", '{"A":{}}'])("is not %j", (line) => {
    expect(parseEntry(line)).toBeUndefined();
  });
});
