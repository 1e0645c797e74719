import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runAdopted } from "../../scripts/adopt.ts";
import { tallyLine } from "../../scripts/checks.ts";
import { findLeftovers } from "../../scripts/leftovers.ts";

const PATH = process.env.PATH ?? "";

test("a process that a command leaves is found, though it has a session and an environment of its own", async () => {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-leftovers-"));
  const leave = `setsid -f env -i sh -c 'echo $$ > ${directory}/pid; exec sleep 999'; exit 3`;
  const { status, left } = await runAdopted(["/bin/sh", "-c", leave], { PATH }, "/").ended;
  const pid = Number(readFileSync(join(directory, "pid"), "utf8"));
  const lines = findLeftovers(new Set(), new Set(), left);
  process.kill(pid, "SIGKILL");
  rmSync(directory, { recursive: true });
  expect(status).toBe(3);
  expect(lines).toEqual([`process ${pid} sleep 999`]);
});

test("what ends a moment after the command is not left over, and a command can be ended", async () => {
  const ends = await runAdopted(["/bin/sh", "-c", "setsid -f sleep 0.2"], { PATH }, "/").ended;
  expect(ends).toEqual({ status: 0, left: [] });
  const directory = mkdtempSync(join(tmpdir(), "flotilla-leftovers-"));
  const stuck = runAdopted(["/bin/sh", "-c", `touch ${directory}/up; exec sleep 999`], { PATH }, "/");
  await expect.poll(() => existsSync(join(directory, "up")), { interval: 10, timeout: 5_000 }).toBe(true);
  stuck.kill();
  expect(await stuck.ended).toEqual({ status: 1, left: [] });
  rmSync(directory, { recursive: true });
});

test("what was there before the tests is not theirs", () => {
  const before = new Set(["mount /tmp/flotilla-a"]);
  const after = new Set(["mount /tmp/flotilla-a", "cgroup /sys/fs/cgroup/flotilla-b"]);
  expect(findLeftovers(before, after, [])).toEqual(["cgroup /sys/fs/cgroup/flotilla-b"]);
});

test("the closing line counts what was skipped only when something was", () => {
  expect(tallyLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
  expect(tallyLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
});
