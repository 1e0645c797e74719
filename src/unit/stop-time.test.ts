import { expect, test } from "vitest";
import { longestStopMs } from "./stop-time.ts";
import { parseUnitFile } from "./unit-file.ts";

const stopOf = (lines: string, name = "a.service"): number =>
  longestStopMs(parseUnitFile(`[Service]\nExecStart=/bin/true\n${lines}`), name);

test.each([
  ["", 90_000],
  ["TimeoutStopSec=2\n", 2_000],
  ["TimeoutStopSec=2\nExecStop=/bin/true\n", 4_000],
  ["TimeoutStopSec=2\nExecStop=/bin/true\nExecStop=/bin/false\nExecStopPost=/bin/true\n", 8_000],
  ["TimeoutStopSec=infinity\n", Number.POSITIVE_INFINITY],
])("the stop of a service with %j takes at most %d ms", (lines, expected) => {
  expect(stopOf(lines)).toBe(expected);
});

test("a unit without processes stops at once", () => {
  expect(stopOf("", "a.target")).toBe(0);
});
