import { describe, expect, test } from "vitest";
import { Options } from "../command.ts";
import { readWish } from "./wish.ts";

const wish = (args: readonly string[], options: Readonly<Record<string, unknown>> = {}) =>
  readWish(args, new Options(options), "short", 0);

describe("the units of a question to the journal", () => {
  test.each([
    [[], {}, undefined],
    [["web@1"], {}, ["web@1.service"]],
    [[], { unit: ["web@1"] }, ["web@1.service"]],
    [["b.timer"], { unit: ["a", "web@*"] }, ["a.service", "web@*", "b.timer"]],
  ])("named by %j and --unit %j are %j", (args, options, units) => {
    expect(wish(args, options).unit).toEqual(units);
  });

  test("are told from matches of fields, also where those stand behind --unit", () => {
    expect(wish(["_PID=1"], { unit: ["a", "PRIORITY=3"] })).toMatchObject({
      unit: ["a.service"],
      match: ["PRIORITY=3", "_PID=1"],
    });
  });
});
