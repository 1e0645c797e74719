import { describe, expect, test } from "vitest";
import { allFields, textsOf } from "./journal-fields.ts";
import { compileFilter, selectsUnit } from "./journal-filter.ts";
import type { JournalEntry, JournalQuery } from "./supervisor.ts";

function entry(changes: Partial<JournalEntry> = {}): JournalEntry {
  return {
    cursor: "c",
    timeUs: 1000,
    monotonicUs: 10,
    boot: "b".repeat(32),
    unit: "web.service",
    origin: "unit",
    priority: 6,
    pid: 7,
    identifier: "nginx",
    message: "GET /index.html",
    fields: { _SYSTEMD_UNIT: "web.service", _SYSTEMD_INVOCATION_ID: "run1", _UID: "0" },
    ...changes,
  };
}

const about = entry({ origin: "supervisor", fields: { UNIT: "web.service", INVOCATION_ID: "run1" } });

describe("an entry is selected", () => {
  test.each<[string, JournalQuery, boolean, JournalEntry?]>([
    ["by nothing", {}, true],
    ["by a priority that is grave enough", { priority: { from: 0, to: 6 } }, true],
    ["not by a graver one", { priority: { from: 0, to: 5 } }, false],
    ["not by a range below it", { priority: { from: 7, to: 7 } }, false],
    ["by its own time as the first and the last", { sinceUs: 1000, untilUs: 1000 }, true],
    ["not by a later beginning", { sinceUs: 1001 }, false],
    ["not by an earlier end", { untilUs: 999 }, false],
    ["by one of several identifiers", { identifiers: ["x", "nginx"] }, true],
    ["not by others", { identifiers: ["x"] }, false],
    ["by its run", { invocation: "run1" }, true],
    ["by the run that it is about", { invocation: "run1" }, true, about],
    ["not by another run", { invocation: "run2" }, false],
    ["by a pattern in its message", { grep: { pattern: "index\\.html$", ignoreCase: false } }, true],
    ["by a pattern in other letters", { grep: { pattern: "get", ignoreCase: true } }, true],
    ["not by them where case counts", { grep: { pattern: "get", ignoreCase: false } }, false],
    ["by a field", { matches: ["_PID=7"] }, true],
    ["by any value of a field", { matches: ["_PID=8", "_PID=7"] }, true],
    ["not by one field of two", { matches: ["_PID=7", "_UID=1"] }, false],
    ["by one of two groups", { matches: ["_PID=8", "+", "_UID=0"] }, true],
    ["by its unit as systemd names it", { matches: ["_SYSTEMD_UNIT=web.service"] }, true],
    ["by the unit it is about", { matches: ["UNIT=web.service"] }, true, about],
    ["not by a field it has not", { matches: ["NOTHING="] }, false],
  ])("%s", (_, query, selected, subject = entry()) => {
    expect(compileFilter(query)([subject])).toEqual(selected ? [subject] : []);
  });
});

test.each([
  [undefined, true],
  [["web.service"], true],
  [["web*"], true],
  [["*.timer", "w?b.service"], true],
  [["web"], false],
  [["[a-c]*"], false],
  [[], false],
])("of units %j web.service is selected: %s", (units, selected) => {
  expect(selectsUnit({ units }, "web.service")).toBe(selected);
});

test.each<[JournalQuery]>([
  [{ grep: { pattern: "(", ignoreCase: false } }],
  [{ matches: ["lower=x"] }],
  [{ matches: ["x"] }],
])("%j cannot be meant", (query) => {
  expect(() => compileFilter(query)).toThrow(expect.objectContaining({ code: "bad-request" }));
});

test("all fields of an entry stand under systemd's names", () => {
  expect(allFields(entry())).toEqual({
    __CURSOR: "c",
    __REALTIME_TIMESTAMP: "1000",
    __MONOTONIC_TIMESTAMP: "10",
    _BOOT_ID: "b".repeat(32),
    PRIORITY: "6",
    SYSLOG_IDENTIFIER: "nginx",
    _PID: "7",
    MESSAGE: "GET /index.html",
    _SYSTEMD_UNIT: "web.service",
    _SYSTEMD_INVOCATION_ID: "run1",
    _UID: "0",
  });
  expect(allFields(entry({ fields: { MESSAGE: [255] } })).MESSAGE).toEqual([255]);
});

test("a field has texts where it is text, once or several times", () => {
  expect(textsOf("a")).toEqual(["a"]);
  expect(textsOf(["a", [255], "b"])).toEqual(["a", "b"]);
  expect(textsOf([255, 254])).toEqual([]);
  expect(textsOf(undefined)).toEqual([]);
});

test("a pattern that takes for ever is given up, and says why", () => {
  const select = compileFilter({ grep: { pattern: "^(a+)+$", ignoreCase: false } });
  expect(select([entry({ message: "aaa" }), entry({ message: "b" })])).toHaveLength(1);
  expect(() => select([entry({ message: `${"a".repeat(40)}b` })])).toThrow(
    expect.objectContaining({ code: "bad-request", message: expect.stringContaining("takes too long") }),
  );
});
