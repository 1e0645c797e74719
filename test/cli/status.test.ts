/** `flotilla status`, as a person reads it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JournalEntry, JournalQuery } from "#supervisor/supervisor.ts";
import { journalEntry, M1, SERVICE, TestCluster } from "../api/served-cluster.ts";
import { type Ran, runCommand } from "./terminal.ts";

const USAGE = {
  tasks: 3,
  memoryBytes: 1536 * 1024,
  memoryPeakBytes: 2 ** 21,
  cpuMs: 61_500,
  ioReadBytes: 512,
};

let cluster: TestCluster;
let directory: string;
let endpoint: string;

beforeEach(async () => {
  cluster = await TestCluster.start({ journal: lastLine, usage: () => USAGE });
  ({ directory, unix: endpoint } = await cluster.serve());
  await cluster.addMachine(M1, "m1");
});
afterEach(() => cluster.close());

async function* lastLine({ units: [unit = ""] = [] }: JournalQuery): AsyncGenerator<JournalEntry, void> {
  yield journalEntry({
    timeUs: 1_000_000,
    unit,
    pid: 7,
    identifier: "web",
    cursor: "2",
    message: "last line",
  });
}

function run(line: string): Promise<Ran> {
  return runCommand(line, { endpoint, cwd: directory });
}

function file(name: string): Promise<void> {
  return writeFile(join(directory, name), SERVICE);
}

describe("status", () => {
  test.each([
    ["active", "running", "success", "active (running)", 0],
    ["failed", "failed", "exit-code", "failed (Result: exit-code)", 3],
    ["inactive", "dead", "success", "inactive (dead)", 3],
    ["inactive", "dead", "exec-condition", "inactive (dead) (Result: exec-condition)", 3],
    ["activating", "auto-restart", "signal", "activating (auto-restart) (Result: signal)", 3],
  ])(
    "of a unit that is %s, %s with result %s says %s and ends with %i",
    async (active, sub, result, told, exit) => {
      await file("web.service");
      await run("start --no-block web");
      await cluster.report("web.service", M1, { active, sub, result, mainPid: 42, sinceMs: 940_000 });
      const ran = await run("status web");
      expect(ran.exit).toBe(exit);
      expect(ran.stdout).toContain(`web.service - A test\n`);
      expect(ran.stdout).toMatch(/Active: .* since .*; 1min ago/);
      expect(ran.stdout).toContain(`Active: ${told} since`);
      expect(ran.stdout).toContain("Machine: m1 (11111111), least loaded");
      expect(ran.stdout).toMatch(/web\[7\]: last line\n$/);
    },
  );
});

test("status shows what a running unit uses, and nothing of one that does not run", async () => {
  await file("web.service");
  await run("start --no-block web");
  await cluster.report("web.service", M1, { active: "active", sub: "running" });
  const running = (await run("status web")).stdout.replaceAll(/ +/g, " ");
  expect(running).toContain(
    "\n Tasks: 3\n Memory: 1.5M (peak 2M)\n CPU: 1min 1s\n IO: 512B read, 0B written\n",
  );
  await cluster.report("web.service", M1, { active: "failed", sub: "failed" });
  expect((await run("status web")).stdout).not.toContain("Memory:");
});
