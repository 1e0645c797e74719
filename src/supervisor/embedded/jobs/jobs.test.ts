import fc from "fast-check";
import { expect, test } from "vitest";
import { readDependencies } from "#unit/read-dependencies.ts";
import { specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import { Jobs } from "./jobs.ts";
import type { UnitGraph } from "./transaction.ts";

/** Units on paper: each takes a few turns to start, and the log tells when it began and ended. */
function paper(files: Readonly<Record<string, string>>): { jobs: Jobs; log: string[] } {
  const graph: UnitGraph = new Map(
    Object.entries(files).map(([name, text]) => {
      const dependencies = readDependencies(parseUnitFile(`[Unit]\n${text}\n`), specifierContext(name));
      return [name, { dependencies, isUp: false }];
    }),
  );
  const log: string[] = [];
  const carryOut = (verb: string) => async (unit: string) => {
    log.push(`${verb} ${unit}`);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    log.push(`${verb} ${unit} done`);
    return { result: "done" } as const;
  };
  const jobs = new Jobs({ graph: () => graph, start: carryOut("start"), stop: carryOut("stop"), ended: () => {} });
  return { jobs, log };
}

test.each([["a.service b.service"], ["b.service a.service"]])(
  "separate requests of one turn keep the units' order, asked for as %s",
  async (order) => {
    const { jobs, log } = paper({ "a.service": "", "b.service": "After=a.service" });
    await Promise.all(order.split(" ").map((unit) => jobs.start(unit)));
    expect(log.filter((line) => line !== "start b.service done")).toEqual([
      "start a.service",
      "start a.service done",
      "start b.service",
    ]);
  },
);

test("a request waits for what comes before it and is still under way", async () => {
  const { jobs, log } = paper({ "a.service": "", "b.service": "After=a.service" });
  const first = jobs.start("a.service");
  await Promise.resolve();
  await Promise.resolve();
  await jobs.start("b.service");
  await first;
  expect(log.indexOf("start b.service")).toBeGreaterThan(log.indexOf("start a.service done"));
});

test("whatever the order of units, also one in circles, every job comes to its end", async () => {
  const names = ["a", "b", "c", "d"].map((name) => `${name}.service`);
  const edge = fc.tuple(
    fc.constantFrom(...names),
    fc.constantFrom("After", "Before", "Wants", "Requires"),
    fc.constantFrom(...names),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(edge, { maxLength: 12 }), fc.shuffledSubarray(names), async (edges, asked) => {
      const files = names.map((name) => {
        const lines = edges.filter(([from]) => from === name).map(([, key, to]) => `${key}=${to}`);
        return [name, lines.join("\n")] as const;
      });
      const { jobs } = paper(Object.fromEntries(files));
      const outcomes = await Promise.all(asked.map((unit) => jobs.start(unit)));
      expect(outcomes.map(({ result }) => result)).toEqual(asked.map(() => "done"));
    }),
  );
});
