import { expect, test } from "vitest";
import { compareFindings, faultsOf } from "./compare.ts";
import type { Properties } from "./properties.ts";
import type { Finding } from "./run-scenario.ts";
import type { Step } from "./scenario.ts";

function finding(state: Properties, fault?: string, differs?: NonNullable<Step["differs"]>["side"]): Finding {
  return {
    step: {
      line: 3,
      text: "settle 1ms",
      action: { do: "settle", ms: 1 },
      ...(differs === undefined ? {} : { differs: { side: differs, reason: "why" } }),
    },
    fault,
    states: new Map([["a.service", state]]),
  };
}

const UP = { ActiveState: "active", SubState: "running", NRestarts: "0" };
const DOWN = { ActiveState: "failed", SubState: "failed", NRestarts: "0" };

test("what holds and is the same on both sides is no fault", () => {
  expect(compareFindings([finding(UP)], [finding(UP)])).toEqual([]);
});

test("what does not hold is a fault of its side", () => {
  expect(compareFindings([finding(UP)], [finding(UP, "no")])).toEqual(["line 3 on systemd: settle 1ms: no"]);
  expect(faultsOf("embedded", [finding(UP, "no")])).toEqual(["line 3 on embedded: settle 1ms: no"]);
});

test("states that differ are a fault, unless a unit is on its way to another", () => {
  expect(compareFindings([finding(UP)], [finding({ ...UP, NRestarts: "1" })])).toEqual([
    "line 3 on embedded: settle 1ms: a.service NRestarts is 0, with systemd 1",
  ]);
  expect(compareFindings([finding(UP)], [finding({ ...DOWN, ActiveState: "activating" })])).toEqual([]);
});

test("a known difference is none, and is one when it is gone", () => {
  expect(compareFindings([finding(UP, "no", "embedded")], [finding(UP, undefined, "embedded")])).toEqual([]);
  expect(
    compareFindings([finding(DOWN, undefined, "embedded")], [finding(UP, undefined, "embedded")]),
  ).toEqual([]);
  expect(compareFindings([finding(UP, undefined, "embedded")], [finding(UP, undefined, "embedded")])).toEqual(
    ["line 3 on embedded: settle 1ms: the known difference is gone: remove its mark"],
  );
});
