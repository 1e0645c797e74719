/** Daemons found by what they were started with, for when the process that started them is gone. */
import { readdir, readFile } from "node:fs/promises";
import { type Clock, sleep } from "#base/clock.ts";

const GONE_CHECK_MS = 10;
const GONE_CHECKS = 300;

/** Kills every daemon of the state directory at once; resolves when they are gone. */
export async function killDaemons(directory: string, clock: Clock): Promise<void> {
  for (let check = 0; check < GONE_CHECKS; check += 1) {
    const pids = await daemonsOf(directory);
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
    // The end of a process that is not one's child is no event.
    await sleep(clock, GONE_CHECK_MS);
  }
}

async function daemonsOf(directory: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "") })),
  );
  const mark = `\0daemon\0--dir\0${directory}\0`;
  return lines.filter(({ line }) => line.includes(mark)).map(({ pid }) => Number(pid));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
