import { expect, test } from "vitest";
import { FlotillaError } from "#base/errors.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { createLog } from "./log.ts";

function linesOf(use: (log: ReturnType<typeof createLog>) => void): readonly Record<string, unknown>[] {
  const lines: string[] = [];
  use(createLog("info", new VirtualClock(Date.UTC(2026, 0, 1)), (line) => lines.push(line)));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("a line is one object with level, time, fields and message", () => {
  const [line] = linesOf((log) => log.info({ unit: "a.service", revision: 7n }, "step"));
  expect(line).toEqual({
    level: "info",
    time: "2026-01-01T00:00:00.000Z",
    unit: "a.service",
    revision: "7",
    msg: "step",
  });
});

test("what is below the level is not written", () => {
  const lines = linesOf((log) => {
    log.debug({}, "no");
    log.error({}, "yes");
  });
  expect(lines.map(({ msg }) => msg)).toEqual(["yes"]);
});

test("an error tells what it is, where it came from and what is under it", () => {
  const error = new FlotillaError("internal", "outer", { cause: new Error("inner") });
  const [line] = linesOf((log) => log.error({ err: error }, "failed"));
  expect(line).toMatchObject({
    err: {
      code: "internal",
      message: "outer",
      stack: expect.stringContaining("log.test.ts"),
      cause: { message: "inner" },
    },
  });
});
