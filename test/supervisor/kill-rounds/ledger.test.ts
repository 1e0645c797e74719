import { expect, test } from "vitest";
import { faultsOfLife } from "./ledger.ts";

const GOOD = "start r1 10\nend r1 2 3\npost r1 exit-code exited 3\n";

test.each([
  ["a whole life", GOOD, ["r1 1", "r1 2"], []],
  ["a run that was killed", "start r1 10\npost r1 signal killed TERM\n", ["r1 1", "r1 2"], []],
  ["a run that ended before its first line", "start r1 10\nend r1 0 0\npost r1 success exited 0\n", [], []],
  ["a lost line", GOOD, ["r1 2"], ["a: run r1 wrote lines 1 to 2, its journal has 2"]],
  ["a doubled line", GOOD, ["r1 1", "r1 1", "r1 2"], ["a: run r1 wrote lines 1 to 2, its journal has 1,1,2"]],
  [
    "a lost line of a run that was killed",
    "start r1 10\npost r1 signal killed TERM\n",
    ["r1 1", "r1 3"],
    ["a: run r1 wrote lines 1 to 2, its journal has 1,3"],
  ],
  ["all lines lost", GOOD, [], ["a: run r1 has no line in the journal"]],
  ["two at once", `doubled r1\n${GOOD}`, ["r1 1", "r1 2"], ["a: doubled r1"]],
  ["two starts of one run", `start r1 9\n${GOOD}`, ["r1 1", "r1 2"], ["a: run r1 was started 2 times"]],
  ["no ExecStopPost", "start r1 10\nend r1 1 3\n", ["r1 1"], ["a: run r1 ended without ExecStopPost"]],
  ["an end that nobody learned of", "start r1 10\n", ["r1 1"], ["a: run r1 ended without ExecStopPost"]],
  [
    "two of them",
    `${GOOD}post r1 exit-code exited 3\n`,
    ["r1 1", "r1 2"],
    ["a: run r1 ran ExecStopPost 2 times"],
  ],
  [
    "another exit status",
    "start r1 10\nend r1 1 3\npost r1 success exited 0\n",
    ["r1 1"],
    ["a: run r1 exited with 3, and ExecStopPost was told exited 0"],
  ],
  [
    "an exit that nobody was told of",
    "start r1 10\nend r1 1 0\npost r1 success - -\n",
    ["r1 1"],
    ["a: run r1 exited with 0, and ExecStopPost was told - -"],
  ],
])("%s", (_, ledger, output, faults) => {
  expect(faultsOfLife("a", ledger, output)).toEqual(faults);
});

test("a forking service may be stopped before its main process is known, but its failure must not be lost", () => {
  const ended = (code: number): string => `start r1 10\nend r1 1 ${code}\npost r1 success - -\n`;
  expect(faultsOfLife("forking", ended(0), ["r1 1"])).toEqual([]);
  expect(faultsOfLife("forking", ended(3), ["r1 1"])).toHaveLength(1);
});
