import { describe, expect, test } from "vitest";
import { type Action, parseScenario } from "./scenario.ts";

const UNIT = "--- a.service\n[Service]\nExecStart=/bin/true\n";

function actionsOf(...lines: readonly string[]): readonly Action[] {
  return parseScenario("topic/a", `${UNIT}--- script\n${lines.join("\n")}\n`).steps.map(
    ({ action }) => action,
  );
}

test("units, programs and the sentence on top are read", () => {
  const scenario = parseScenario(
    "topic/a",
    `# What it\n# shows.\n${UNIT}\n--- a-masked.service\n--- program p\n#!/bin/sh\n--- script\nreset-failed a.service\n`,
  );
  expect(scenario).toMatchObject({
    title: "What it shows.",
    units: [
      { name: "a.service", text: "[Service]\nExecStart=/bin/true\n" },
      { name: "a-masked.service", text: "" },
    ],
    programs: [{ name: "p", text: "#!/bin/sh\n" }],
    isAlone: false,
  });
});

test("a step knows its line, comments and empty lines are passed over", () => {
  const { steps } = parseScenario("topic/a", `${UNIT}--- script\n# why\n\nreset-failed a.service\n`);
  expect(steps).toEqual([
    { line: 7, text: "reset-failed a.service", action: { do: "reset-failed", unit: "a.service" } },
  ]);
});

test("jobs have a mode and a result, in one step or in two", () => {
  const job = { type: "start", unit: "a.service", mode: "replace" };
  expect(
    actionsOf("start a.service => done", "begin x stop a.service mode=fail", "await x => canceled"),
  ).toEqual([
    { do: "job", job, result: "done" },
    { do: "begin", label: "x", job: { ...job, type: "stop", mode: "fail" } },
    { do: "await", label: "x", result: "canceled" },
  ]);
});

test.each(["--- script\nisolate a.service => done", "--- script alone\nreset-failed a.service"])(
  "a scenario that isolates, or says so, is run alone",
  (script) => {
    expect(parseScenario("topic/a", `${UNIT}${script}\n`).isAlone).toBe(true);
  },
);

test("expectations are a pair of states or properties, whose values may be quoted", () => {
  expect(actionsOf("until a.service active/auto-restart", 'show a.service StatusText="a b" Result=')).toEqual(
    [
      {
        do: "until",
        unit: "a.service",
        expected: [
          { property: "ActiveState", value: "active" },
          { property: "SubState", value: "auto-restart" },
        ],
      },
      {
        do: "show",
        unit: "a.service",
        expected: [
          { property: "StatusText", value: "a b" },
          { property: "Result", value: "" },
        ],
      },
    ],
  );
});

test("texts of files have escapes in quotes, and are as they stand without", () => {
  expect(actionsOf('write @DIR@/x "a\\n\\"b\\""', "write @DIR@/x two words", 'file %t/x == "a\\tb"')).toEqual(
    [
      { do: "write", path: "@DIR@/x", text: 'a\n"b"' },
      { do: "write", path: "@DIR@/x", text: "two words" },
      { do: "file", path: "%t/x", text: "a\tb" },
    ],
  );
});

test("a known difference names its side and its reason", () => {
  const { steps } = parseScenario(
    "topic/a",
    `${UNIT}--- script\nshow a.service Result=success # embedded: for a reason\n`,
  );
  expect(steps[0]).toMatchObject({
    text: "show a.service Result=success",
    differs: { side: "embedded", reason: "for a reason" },
  });
});

describe("a fault names its line", () => {
  test.each([
    ["begin", "begin wants a name"],
    ["start a.service", "a job wants its result"],
    ["launch a.service => done", "there is no action launch"],
    ["start a.service mode=now => done", "there is no job mode now"],
    ["show a.service Colour=red", "there is no property Colour"],
    ["show a.service", "an expectation is missing"],
    ["until a.service up", "up is neither"],
    ["kill a.service", "kill wants a unit and a signal"],
    ["kill a.service TERM some", "kill wants main or all"],
    ["settle long", "settle wants 300ms"],
    ['file @DIR@/x "y"', "file wants PATH =="],
  ])("%s", (line, message) => {
    const text = `${UNIT}--- script\n\n${line}\n`;
    expect(() => parseScenario("topic/a", text)).toThrow(`topic/a.scenario:6: ${message}`);
  });

  test("a unit of a strange name, and a scenario without a script", () => {
    expect(() => parseScenario("topic/b", UNIT)).toThrow("topic/b.scenario:1: the unit a.service must begin");
    expect(() => parseScenario("topic/a", UNIT)).toThrow("topic/a.scenario:1: there is no script");
  });
});
