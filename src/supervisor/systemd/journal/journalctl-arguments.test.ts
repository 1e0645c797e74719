import { describe, expect, test } from "vitest";
import type { JournalQuery } from "../../supervisor.ts";
import { journalctlArguments } from "./journalctl-arguments.ts";

const ALWAYS = ["--no-pager", "--quiet", "--all", "--output=json"];

describe("a query is told to journalctl", () => {
  test.each<[string, JournalQuery, readonly string[]]>([
    ["with nothing to select", {}, []],
    ["with units and patterns", { units: ["a.service", "b*"] }, ["--unit=a.service", "--unit=b*"]],
    ["with priorities", { priority: { from: 2, to: 4 } }, ["--priority=2..4"]],
    [
      "with times to the microsecond",
      { sinceUs: 1_000_000_000_000_007, untilUs: 2_000_000 },
      ["--since=@1000000000.000007", "--until=@2.000000"],
    ],
    ["with a boot", { boot: "-1" }, ["--boot=-1"]],
    ["with identifiers", { identifiers: ["x", "-y"] }, ["--identifier=x", "--identifier=-y"]],
    [
      "with a text whose case counts",
      { grep: { pattern: "-x", ignoreCase: false } },
      ["--grep=-x", "--case-sensitive=yes"],
    ],
    [
      "with a text whose case does not",
      { grep: { pattern: "X", ignoreCase: true } },
      ["--grep=X", "--case-sensitive=no"],
    ],
    ["with a cursor", { after: "s=1;i=2" }, ["--after-cursor=s=1;i=2"]],
    ["with the last lines, backwards", { lines: 5, reverse: true }, ["--lines=5", "--reverse"]],
    ["to follow all", { follow: true }, ["--follow", "--no-tail"]],
    ["to follow some", { follow: true, lines: 3 }, ["--lines=3", "--follow"]],
    ["with matches", { matches: ["_PID=1", "+", "_UID=0"] }, ["_PID=1", "+", "_UID=0"]],
    [
      "with a run, whoever wrote of it",
      { invocation: "ab" },
      ["_SYSTEMD_INVOCATION_ID=ab", "+", "INVOCATION_ID=ab"],
    ],
    [
      "with a run and groups of matches",
      { invocation: "ab", matches: ["_PID=1", "+", "_UID=0"] },
      [
        ...["_SYSTEMD_INVOCATION_ID=ab", "_PID=1", "+", "_SYSTEMD_INVOCATION_ID=ab", "_UID=0"],
        ...["+", "INVOCATION_ID=ab", "_PID=1", "+", "INVOCATION_ID=ab", "_UID=0"],
      ],
    ],
  ])("%s", (_, query, arguments_) => {
    expect(journalctlArguments(query)).toEqual([...ALWAYS, ...arguments_]);
  });

  test.each(["--output=cat", "/dev/sda", "lower=x", "_PID"])("never with %s for a match", (match) => {
    expect(() => journalctlArguments({ matches: [match] })).toThrow(
      expect.objectContaining({ code: "bad-request" }),
    );
  });
});
