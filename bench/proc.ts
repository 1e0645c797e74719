/** What the kernel says of a process: memory and time on the processor. */
import { readdir, readFile } from "node:fs/promises";

/** Clock ticks a second of /proc/PID/stat; 100 on every architecture Linux runs on (USER_HZ). */
const TICKS_PER_S = 100;

/** Resident memory in MiB, as `ps` shows it. */
export async function residentMiB(pid: number): Promise<number> {
  return field(await readFile(`/proc/${pid}/status`, "utf8"), "VmRSS");
}

/** Memory in MiB with shared pages divided among those that share them. */
export async function proportionalMiB(pid: number): Promise<number> {
  return field(await readFile(`/proc/${pid}/smaps_rollup`, "utf8"), "Pss");
}

function field(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text);
  return Number(match?.[1] ?? Number.NaN) / 1024;
}

/** Seconds of processor time the process has used, in user and kernel mode. */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The second field is the program's name in brackets, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** Processes whose command line begins with `title` and that were started from `directory`. */
export async function processesTitled(title: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const titles = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return pids.filter((_, index) => titles[index]?.startsWith(title));
}
