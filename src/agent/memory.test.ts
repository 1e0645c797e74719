import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type AgentMemory, emptyMemory, memoryFile } from "./memory.ts";

const FILE = "f".repeat(64);
const MEMORY: AgentMemory = {
  format: 1,
  cluster: "c",
  assignments: {
    "a.service": { file: FILE, desired: "launched", launch: 2, reason: "it fits", assignedMs: 5 },
  },
  applied: {
    "a.service": { desired: "launched", file: FILE, launch: 2, completed: false, supersedes: "run" },
  },
  templates: { "a@.service": "f".repeat(64), "b@.service": null },
  strict: { "a.service": 2_000 },
  untold: { "job.service": { launch: 1, file: FILE, machine: "1".repeat(32), finishedMs: 6 } },
};

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-memory-"));
  path = join(directory, "agent.json");
});
afterEach(() => rm(directory, { recursive: true }));

describe("memoryFile", () => {
  test("is empty on a machine that was never part of a cluster", async () => {
    expect(await memoryFile(path).load()).toEqual(emptyMemory());
  });

  test("gives back what was saved, to whoever opens it next", async () => {
    await memoryFile(path).save(MEMORY);
    expect(await memoryFile(path).load()).toEqual(MEMORY);
  });

  test("takes a file from before there was something to tell", async () => {
    const { untold: _, ...before } = MEMORY;
    await writeFile(path, JSON.stringify(before));
    expect(await memoryFile(path).load()).toEqual({ ...MEMORY, untold: {} });
  });

  test.each([
    ["nothing", ""],
    ["half a file", JSON.stringify(MEMORY).slice(0, 100)],
    ["bytes", "\u0000\u0001"],
    ["another version", JSON.stringify({ ...MEMORY, format: 2 })],
    ["another shape", JSON.stringify({ ...MEMORY, applied: [] })],
  ])("refuses a file that holds %s, says what to do, and leaves it as it is", async (_, content) => {
    await writeFile(path, content);
    await expect(memoryFile(path).load()).rejects.toMatchObject({
      code: "bad-config",
      message: `${path} is damaged or from another version`,
      hint: expect.stringContaining("move the file away"),
    });
    expect(await readFile(path, "utf8")).toBe(content);
  });

  test.runIf(process.getuid?.() === 0)("keeps what it has when the disk is full", async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=32k", "tmpfs", directory]);
    try {
      await memoryFile(path).save(MEMORY);
      const large = { ...MEMORY, cluster: "c".repeat(64 << 10) };
      await expect(memoryFile(path).save(large)).rejects.toMatchObject({ code: "disk-full" });
      expect(await memoryFile(path).load()).toEqual(MEMORY);
      expect(await readdir(directory)).toEqual(["agent.json"]);
    } finally {
      execFileSync("umount", [directory]);
    }
  });
});
