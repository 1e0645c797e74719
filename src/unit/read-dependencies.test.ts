import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readDependencies } from "./read-dependencies.ts";
import { specifierContext } from "./specifiers.ts";
import { parseUnitFile } from "./unit-file.ts";

const CONTEXT = specifierContext("web@1.service");

function read(text: string) {
  return readDependencies(parseUnitFile(text), CONTEXT);
}

test("a unit that says nothing needs nothing and is called by its name", () => {
  expect(read("")).toEqual({
    description: "web@1.service",
    documentation: [],
    wants: [],
    requires: [],
    requisite: [],
    bindsTo: [],
    partOf: [],
    upholds: [],
    conflicts: [],
    before: [],
    after: [],
    onFailure: [],
    onSuccess: [],
    propagatesStopTo: [],
    stopPropagatedFrom: [],
    propagatesReloadTo: [],
    reloadPropagatedFrom: [],
    joinsNamespaceOf: [],
    conditions: [],
    defaultDependencies: true,
    refuseManualStart: false,
    refuseManualStop: false,
    stopWhenUnneeded: false,
    allowIsolate: false,
    ignoreOnIsolate: false,
    onFailureJobMode: "replace",
    onSuccessJobMode: "fail",
    jobTimeoutMs: Number.POSITIVE_INFINITY,
    jobRunningTimeoutMs: Number.POSITIVE_INFINITY,
    install: { aliases: [], wantedBy: [], requiredBy: [], upheldBy: [], also: [] },
  });
});

describe("relations", () => {
  test.each([
    ["Wants", "wants"],
    ["Requires", "requires"],
    ["Requisite", "requisite"],
    ["BindsTo", "bindsTo"],
    ["BindTo", "bindsTo"],
    ["PartOf", "partOf"],
    ["Upholds", "upholds"],
    ["Conflicts", "conflicts"],
    ["Before", "before"],
    ["After", "after"],
    ["OnFailure", "onFailure"],
    ["OnSuccess", "onSuccess"],
    ["PropagatesStopTo", "propagatesStopTo"],
    ["StopPropagatedFrom", "stopPropagatedFrom"],
    ["PropagatesReloadTo", "propagatesReloadTo"],
    ["ReloadPropagatedFrom", "reloadPropagatedFrom"],
  ] as const)("%s= is read into %s", (key, property) => {
    expect(read(`[Unit]\n${key}=a.service b@%i.timer\n`)[property]).toEqual(["a.service", "b@1.timer"]);
  });

  test("lines add up, an empty one forgets nothing, and each name counts once", () => {
    expect(read("[Unit]\nAfter=a.service\nAfter=\nAfter=b.target a.service\n").after).toEqual([
      "a.service",
      "b.target",
    ]);
  });

  test("what is no unit's name is left out", () => {
    expect(read("[Unit]\nWants=foo a.service %z.service\n").wants).toEqual(["a.service"]);
  });

  test("backslashes in names stand for themselves", () => {
    expect(read("[Unit]\nWants=foo@a\\x20b.service\n").wants).toEqual(["foo@a\\x20b.service"]);
  });
});

describe("conditions", () => {
  test("path and prefixes", () => {
    const text =
      "[Unit]\nConditionPathExists=/a\nConditionPathExists=!/b\nAssertPathIsDirectory=|!/%i\nConditionHost=x\n";
    expect(read(text).conditions).toEqual([
      { kind: "condition", check: "PathExists", argument: "/a", triggering: false, negated: false },
      { kind: "condition", check: "PathExists", argument: "/b", triggering: false, negated: true },
      { kind: "assert", check: "PathIsDirectory", argument: "/1", triggering: true, negated: true },
      { kind: "condition", check: "Host", argument: "x", triggering: false, negated: false },
    ]);
  });

  test("an empty one forgets conditions of every check, and no assertions", () => {
    const text =
      "[Unit]\nConditionPathExists=/a\nConditionHost=x\nAssertHost=y\nConditionPathExists=\nConditionUser=root\n";
    expect(read(text).conditions.map(({ check, argument }) => [check, argument])).toEqual([
      ["Host", "y"],
      ["User", "root"],
    ]);
  });
});

test("the rest of [Unit]", () => {
  const text =
    "[Unit]\nDescription=Web %i\nDocumentation=man:a(1) https://example.org\nDefaultDependencies=no\n" +
    "RefuseManualStart=yes\nRefuseManualStop=on\nStopWhenUnneeded=1\nAllowIsolate=t\nIgnoreOnIsolate=true\n";
  expect(read(text)).toMatchObject({
    description: "Web 1",
    documentation: ["man:a(1)", "https://example.org"],
    defaultDependencies: false,
    refuseManualStart: true,
    refuseManualStop: true,
    stopWhenUnneeded: true,
    allowIsolate: true,
    ignoreOnIsolate: true,
  });
});

test("[Install]", () => {
  const text =
    "[Install]\nWantedBy=multi-user.target a.target\nRequiredBy=b.target\nUpheldBy=c.target\n" +
    "Alias=w.service\nAlso=w.socket\nDefaultInstance=main\n";
  expect(read(text).install).toEqual({
    aliases: ["w.service"],
    wantedBy: ["multi-user.target", "a.target"],
    requiredBy: ["b.target"],
    upheldBy: ["c.target"],
    also: ["w.socket"],
    defaultInstance: "main",
  });
});

test("no text makes it throw", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (lines) => {
      expect(read(`[Unit]\n${lines.map((line) => `After=${line}`).join("\n")}`).description).toBe(
        "web@1.service",
      );
    }),
  );
});
