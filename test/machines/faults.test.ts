import { describe, expect, test } from "vitest";
import { NO_FAULTS, rulesetOf } from "./faults.ts";

/** The rules of a chain, without what every chain has. */
function rulesIn(ruleset: string, chain: "input" | "output"): readonly string[] {
  const [, body = ""] =
    new RegExp(`chain ${chain} \\{\\n([^}]*(?:\\{[^}]*\\}[^}]*)*)\\n {2}\\}`).exec(ruleset) ?? [];
  return body
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("type filter"));
}

describe("the rules of a network's faults", () => {
  test("without faults drop nothing and replace what was there", () => {
    const ruleset = rulesetOf(NO_FAULTS);
    expect(ruleset.startsWith("flush ruleset\n")).toBe(true);
    expect([rulesIn(ruleset, "input"), rulesIn(ruleset, "output")]).toEqual([[], []]);
  });

  test.each([
    { direction: "in", input: ["ip saddr { 10.0.0.2, 10.0.0.3 } drop"], output: [] },
    { direction: "out", input: [], output: ["ip daddr { 10.0.0.2, 10.0.0.3 } drop"] },
    {
      direction: "both",
      input: ["ip saddr { 10.0.0.2, 10.0.0.3 } drop"],
      output: ["ip daddr { 10.0.0.2, 10.0.0.3 } drop"],
    },
  ] as const)(
    "a cut of direction $direction drops by the other end's address",
    ({ direction, input, output }) => {
      const ruleset = rulesetOf({ cuts: [{ direction, peers: ["10.0.0.2", "10.0.0.3"] }], lossPercent: 0 });
      expect([rulesIn(ruleset, "input"), rulesIn(ruleset, "output")]).toEqual([input, output]);
    },
  );

  test("loss spares what a machine says to itself", () => {
    const ruleset = rulesetOf({ cuts: [], lossPercent: 10 });
    const rule = 'meta oifname != "lo" numgen random mod 100 < 10 drop';
    expect(rulesIn(ruleset, "output")).toEqual([rule]);
    expect(rulesIn(ruleset, "input")).toEqual([rule.replace("oifname", "iifname")]);
  });
});
