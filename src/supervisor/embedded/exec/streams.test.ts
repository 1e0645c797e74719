import { expect, test } from "vitest";
import { streamsOf, writesJournal } from "./streams.ts";
import { execSettings } from "./testing.ts";

test.each([
  [[], { stdin: "null", stdout: "journal", stderr: "inherit" }],
  [["StandardOutput=null"], { stdout: "null", stderr: "inherit" }],
  [["StandardOutput=null", "StandardError=journal"], { stdout: "null", stderr: "journal" }],
  [["StandardOutput=kmsg"], { stdout: "journal" }],
  [["StandardOutput=append:/a", "StandardError=append:/a"], { stdout: "append:/a", stderr: "inherit" }],
  [["StandardOutput=append:/a", "StandardError=file:/a"], { stdout: "append:/a", stderr: "file:/a" }],
  [["StandardInput=socket"], { stdin: "socket", stdout: "inherit", stderr: "inherit" }],
  [["StandardInput=fd:x", "StandardOutput=fd:y"], { stdin: "fd:x", stdout: "fd:y" }],
  [["StandardInput=file:/a"], { stdin: "file:/a", stdout: "journal" }],
  [["StandardInputText=ab"], { stdin: "data:61620a" }],
])("%j", (lines, expected) => {
  expect(streamsOf(execSettings(...lines))).toMatchObject(expected);
});

test.each([
  [[], true],
  [["StandardOutput=null"], false],
  [["StandardOutput=null", "StandardError=journal"], true],
  [["StandardError=null"], true],
])("%j writes to the journal: %s", (lines, expected) => {
  expect(writesJournal(execSettings(...lines))).toBe(expected);
});
