import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { UnitStatus } from "../supervisor.ts";
import { LastRuns } from "./last-runs.ts";

const ended: UnitStatus = {
  name: "a.service",
  file: "f",
  load: "loaded",
  active: "inactive",
  sub: "dead",
  result: "success",
  sinceMs: 7,
  invocation: "ab",
  exitCode: 0,
  restarts: 1,
  completed: true,
};
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-last-runs-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("what became of a run is there for the next one who asks, until it is forgotten", () => {
  new LastRuns(directory).save(undefined, ended);
  const next = new LastRuns(directory);
  expect(next.read(ended.name)).toEqual(ended);
  next.forget(ended.name);
  expect(next.read(ended.name)).toBeUndefined();
});

test("a unit that was never started, and a change that says nothing of a run, are not written", () => {
  const runs = new LastRuns(directory);
  runs.save(undefined, { ...ended, invocation: undefined });
  runs.save(ended, { ...ended, statusText: "Well" });
  expect(readdirSync(directory)).toEqual([]);
});

test("a damaged file counts as none, and one that cannot be written disturbs nobody", () => {
  const runs = new LastRuns(directory);
  writeFileSync(join(directory, ended.name), '{"name":');
  expect(runs.read(ended.name)).toBeUndefined();
  rmSync(directory, { recursive: true });
  expect(() => runs.save(undefined, ended)).not.toThrow();
});
