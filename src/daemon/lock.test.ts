import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDirectory } from "./lock.ts";

let directory: string;
let holder: ChildProcess | undefined;

beforeEach(async () => {
  holder = undefined;
  directory = await mkdtemp(join(tmpdir(), "flotilla-lock-"));
});
afterEach(async () => {
  if (holder?.exitCode === null && holder.signalCode === null) await kill(holder);
  await rm(directory, { recursive: true });
});

/** Another process that holds the lock until it is killed. */
async function hold(): Promise<ChildProcess> {
  const script = `
    const { lockDirectory } = await import(process.argv[1]);
    await lockDirectory(process.argv[2]);
    process.stdout.write("held\\n");
    setInterval(() => undefined, 1_000);
  `;
  const lock = join(import.meta.dirname, "lock.ts");
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, lock, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  holder = child;
  await once(child.stdout, "data");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "close");
}

test("another process's directory is refused, with who has it and what to do", async () => {
  const { pid } = await hold();
  await expect(lockDirectory(directory)).rejects.toMatchObject({
    code: "state-dir-in-use",
    message: `another daemon (pid ${pid}) works on ${directory}`,
    hint: expect.stringContaining("--dir"),
  });
});

test("a process that is killed leaves no lock behind", async () => {
  await kill(await hold());
  const lock = await lockDirectory(directory);
  expect(lock).toHaveProperty("release");
  lock.release();
});

test("a second lock in the same process is refused until the first is released", async () => {
  const first = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toMatchObject({ code: "state-dir-in-use" });
  first.release();
  (await lockDirectory(directory)).release();
});

test("a directory that is not there is no lock that somebody holds", async () => {
  await expect(lockDirectory(join(directory, "missing"))).rejects.not.toMatchObject({
    code: "state-dir-in-use",
  });
});
