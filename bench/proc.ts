/** What the kernel says of a process: memory and time on the processor. */
import { readdir, readFile } from "node:fs/promises";
import { sleep } from "#base/clock.ts";
import { systemClock } from "#host/system.ts";

const PROC = "/proc";

/** Clock ticks a second of /proc/PID/stat; 100 on every architecture Linux runs on (USER_HZ). */
const TICKS_PER_S = 100;

/** Resident memory in MiB, as `ps` shows it. */
export async function residentMiB(pid: number, proc = PROC): Promise<number> {
  return field(await readFile(`${proc}/${pid}/status`, "utf8"), "VmRSS");
}

/** Memory in MiB with shared pages divided among those that share them. */
export async function proportionalMiB(pid: number, proc = PROC): Promise<number> {
  return field(await readFile(`${proc}/${pid}/smaps_rollup`, "utf8"), "Pss");
}

function field(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text);
  return Number(match?.[1] ?? Number.NaN) / 1024;
}

/** Seconds of processor time the process has used, in user and kernel mode. */
export async function processorSeconds(pid: number, proc = PROC): Promise<number> {
  const stat = await readFile(`${proc}/${pid}/stat`, "utf8");
  // The second field is the program's name in brackets, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** A daemon that is watched while it has nothing to do. */
export interface Resting {
  readonly machine: string;
  readonly pid: number;
  /** Where its machine's processes are seen; a machine may have its own. */
  readonly proc?: string;
}

export interface AtRest {
  readonly machine: string;
  readonly rssMiB: number;
  readonly pssMiB: number;
  /** Per cent of a core. */
  readonly coreShare: number;
}

/** What each uses during `restMs` from now. */
export async function observeAtRest(daemons: readonly Resting[], restMs: number): Promise<readonly AtRest[]> {
  const usedOf = (): Promise<readonly number[]> =>
    Promise.all(daemons.map(({ pid, proc }) => processorSeconds(pid, proc)));
  const before = await usedOf();
  const startedMs = performance.now();
  await sleep(systemClock, restMs);
  const after = await usedOf();
  const seconds = (performance.now() - startedMs) / 1000;
  return Promise.all(
    daemons.map(async ({ machine, pid, proc }, index) => ({
      machine,
      rssMiB: await residentMiB(pid, proc),
      pssMiB: await proportionalMiB(pid, proc),
      coreShare: (100 * ((after[index] ?? 0) - (before[index] ?? 0))) / seconds,
    })),
  );
}

/** Processes whose command line begins with `title` and that were started from `directory`. */
export async function processesTitled(title: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const titles = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return pids.filter((_, index) => titles[index]?.startsWith(title));
}
