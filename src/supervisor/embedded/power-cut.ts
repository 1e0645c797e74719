/**
 * Ends a machine's units as a cut of its power does: every shim and everything below it, at once, without a word to
 * anybody; then what a reboot would clear is cleared. Works when no daemon runs and where there are no cgroups.
 *
 * Only what is provably this machine's is killed: members of its cgroups, and shims that work in its units' directories,
 * with their descendants.
 */
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { removeTree } from "./cgroup/cgroups.ts";
import { readHierarchies } from "./cgroup/hierarchy.ts";
import { privateTmpIn } from "./exec/private-tmp.ts";
import { removeTrees } from "./exec/remove.ts";
import { type ProcessTable, readProcesses } from "./process-table.ts";

export interface PowerCut {
  readonly directory: string;
  readonly runDirectory: string;
  readonly cgroupName?: string | undefined;
}

const MAX_ROUNDS = 100;

export async function cutPower({ runDirectory, cgroupName }: PowerCut): Promise<void> {
  const units = realDirectory(join(runDirectory, "units"));
  const cgroups = cgroupName === undefined ? [] : ownCgroups(cgroupName);
  // Stopped before they are killed, so that nothing reacts to the end of something else.
  const victims = stopAll(() => [...shimTrees(readProcesses(), units), ...cgroups.flatMap(members)]);
  // Nothing else tells later whose these were.
  const temporary = new Set(
    [...victims].flatMap((pid) => privateTmpIn(readText(`/proc/${pid}/mountinfo`) ?? "")),
  );
  for (const cgroup of cgroups) killCgroup(cgroup);
  for (const pid of victims) signal(pid, "SIGKILL");
  await untilGone(victims);
  await removeAll(cgroups);
  removeTrees([...temporary]);
  rmSync(units, { recursive: true, force: true });
}

/** Finds and stops processes until no new one is found. */
function stopAll(find: () => readonly number[]): ReadonlySet<number> {
  const stopped = new Set<number>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const fresh = find().filter((pid) => !stopped.has(pid));
    if (fresh.length === 0) break;
    for (const pid of fresh) {
      stopped.add(pid);
      signal(pid, "SIGSTOP");
    }
  }
  return stopped;
}

function shimTrees(table: ProcessTable, units: string): readonly number[] {
  const shims = table.pids.filter((pid) => isShim(pid) && directoryOf(pid)?.startsWith(`${units}/`) === true);
  return shims.flatMap((pid) => [pid, ...table.descendantsOf(pid)]);
}

function isShim(pid: number): boolean {
  return readText(`/proc/${pid}/comm`)?.startsWith("flotilla-shim") === true;
}

/** As the kernel names it. */
function realDirectory(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

function directoryOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // It has ended, or is another user's.
    return undefined;
  }
}

function ownCgroups(name: string): readonly string[] {
  const bases = readHierarchies().flatMap((hierarchy) => hierarchy.bases);
  return bases
    .map((base) => join(base, name))
    .filter((path) => readText(join(path, "cgroup.procs")) !== undefined);
}

/** The processes in a cgroup and those below it. */
function members(cgroup: string): readonly number[] {
  const own = (readText(join(cgroup, "cgroup.procs")) ?? "").split("\n").filter((line) => line !== "");
  return [...own.map(Number), ...list(cgroup, true).flatMap((child) => members(join(cgroup, child)))];
}

function killCgroup(cgroup: string): void {
  if (readText(join(cgroup, "cgroup.events")) === undefined) return;
  try {
    writeFileSync(join(cgroup, "cgroup.kill"), "1");
  } catch {
    // Kernels before 5.14 have no cgroup.kill; every member gets a signal of its own.
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

/** A killed process has no event for those who are not its parent, so that its end is looked for, a short while. */
async function untilGone(pids: ReadonlySet<number>): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const table = readProcesses();
    if (![...pids].some((pid) => table.isAlive(pid))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The kernel lets go of a cgroup a moment after its last process has ended. */
async function removeAll(cgroups: readonly string[]): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    for (const cgroup of cgroups) removeTree(cgroup);
    if (!cgroups.some((cgroup) => existsSync(cgroup))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function list(path: string, onlyDirectories = false): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => !onlyDirectories || entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
