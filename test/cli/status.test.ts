/** `flotilla status`, as a person reads it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JournalEntry, JournalQuery, UnitUsage } from "#supervisor/supervisor.ts";
import { journalEntry, M1, SERVICE, TestCluster } from "../api/served-cluster.ts";
import { type Ran, runCommand } from "./terminal.ts";

const USAGE = {
  tasks: 3,
  memoryBytes: 1536 * 1024,
  memoryPeakBytes: 2 ** 21,
  cpuMs: 61_500,
  ioReadBytes: 512,
};

const FACTS = [
  { label: "Listen", text: "127.0.0.1:80 (Stream)" },
  { label: "Listen", text: "/run/web (Datagram)" },
  { label: "Trigger", atMs: 1_300_000 },
  { label: "Triggers", text: "● web.service" },
];

let usage: UnitUsage = USAGE;
let cluster: TestCluster;
let directory: string;
let endpoint: string;

beforeEach(async () => {
  usage = USAGE;
  cluster = await TestCluster.start({ journal: lastLine, usage: () => usage });
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

test("status shows what a unit of its type has to show, in systemctl's words", async () => {
  usage = { facts: FACTS };
  await file("web.service");
  await run("start --no-block web");
  await cluster.report("web.service", M1, { active: "active", sub: "listening" });
  const shown = (await run("status web")).stdout.replaceAll(/ +/g, " ");
  expect(shown).toContain("\n Listen: 127.0.0.1:80 (Stream)\n /run/web (Datagram)\n");
  expect(shown).toMatch(/\n Trigger: 1970-01-01 .*; 5min left\n Triggers: ● web\.service\n/);
});

test("status does not say the result again as a message", async () => {
  await file("web.service");
  await run("start --no-block web");
  const end = { active: "failed", sub: "failed", result: "exit-code" };
  await cluster.report("web.service", M1, { ...end, message: "web.service failed with result 'exit-code'" });
  expect((await run("status web")).stdout).not.toContain("Status:");
  await cluster.report("web.service", M1, { ...end, message: "out of paper" });
  expect((await run("status web")).stdout).toContain("Status: out of paper\n");
});
