/**
 * The cgroups of a machine's units: one leaf a unit, for its processes alone (the shim stays outside).
 *
 * Owns the machine's own cgroup in each hierarchy that the probe found usable. Version 2 finds and kills processes;
 * limits are set in version 2 where it has the controller, else in version 1. Where there are no cgroups at all every
 * call does nothing and the shim walks the tree of processes.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import type { Limit, ResourceLimits } from "#unit/service.ts";
import type { Controller } from "./hierarchy.ts";
import { removeQuietly, type UsableCgroups } from "./probe.ts";

/** Where a unit's processes are to be put before they are executed. */
export interface Leaf {
  readonly procs: readonly string[];
  /** The version 2 cgroup, for killing; absent where there is none. */
  readonly tracking?: string;
}

interface LimitFile {
  readonly controller: Controller;
  readonly value: string;
  readonly file: Readonly<Record<1 | 2, string>>;
}

const CPU_PERIOD_US = 100_000;

export class Cgroups {
  readonly #usable: UsableCgroups;

  constructor(usable: UsableCgroups) {
    this.#usable = usable;
  }

  /** Makes the unit's leaf and sets its limits. Throws when the kernel refuses a limit. */
  prepare(unit: string, resources: ResourceLimits): Leaf {
    const { tracking } = this.#usable;
    const directories = new Set<string>();
    if (tracking !== undefined) directories.add(join(tracking, unit));
    for (const limit of limitFiles(resources)) {
      const place = this.#usable.limits.get(limit.controller);
      if (place !== undefined) directories.add(setLimit(join(place.parent, unit), limit, place.version));
    }
    for (const directory of directories) mkdirSync(directory, { recursive: true });
    const procs = [...directories].map((directory) => join(directory, "cgroup.procs"));
    return { procs, ...(tracking === undefined ? {} : { tracking: join(tracking, unit) }) };
  }

  /** How many processes of the unit the kernel has killed for want of memory. */
  oomKills(unit: string): number {
    const place = this.#usable.limits.get("memory");
    if (place === undefined) return 0;
    const file = place.version === 2 ? "memory.events" : "memory.oom_control";
    try {
      const text = readFileSync(join(place.parent, unit, file), "utf8");
      return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
    } catch {
      return 0;
    }
  }

  /** Ends what is left in the unit's cgroup; for when its shim, which does that otherwise, is gone. */
  kill(unit: string): void {
    const { tracking } = this.#usable;
    if (tracking === undefined) return;
    try {
      writeFileSync(join(tracking, unit, "cgroup.kill"), "1");
    } catch {
      // There is no such cgroup any more, or a kernel before 5.14.
    }
  }

  /** Removes the unit's leaves, with what the unit itself made inside. */
  remove(unit: string): void {
    for (const parent of this.#parents()) removeTree(join(parent, unit));
  }

  /** Removes the machine's own cgroups, if no unit is left in them. */
  close(): void {
    for (const parent of this.#parents()) removeQuietly(parent);
  }

  #parents(): ReadonlySet<string> {
    const parents = new Set([...this.#usable.limits.values()].map(({ parent }) => parent));
    if (this.#usable.tracking !== undefined) parents.add(this.#usable.tracking);
    return parents;
  }
}

/** Removes a cgroup and those below it; what still has processes stays. */
export function removeTree(directory: string): void {
  if (!existsSync(directory)) return;
  try {
    const children = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const child of children) removeTree(join(directory, child.name));
  } catch {
    return;
  }
  removeQuietly(directory);
}

function setLimit(directory: string, limit: LimitFile, version: 1 | 2): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, limit.file[version]), limit.value);
  return directory;
}

function limitFiles({ memoryMax, cpuCores, tasksMax }: ResourceLimits): readonly LimitFile[] {
  const files: LimitFile[] = [];
  if (memoryMax !== undefined) {
    const file = { 1: "memory.limit_in_bytes", 2: "memory.max" };
    files.push({ controller: "memory", value: String(bytesOf(memoryMax)), file });
  }
  if (cpuCores !== undefined) {
    const quota = Math.max(1000, Math.round(cpuCores * CPU_PERIOD_US));
    files.push({ controller: "cpu", value: String(quota), file: { 1: "cpu.cfs_quota_us", 2: "cpu.max" } });
  }
  if (tasksMax !== undefined) {
    const count = "count" in tasksMax ? tasksMax.count : Math.floor(tasksMax.share * maxPids());
    files.push({ controller: "pids", value: String(count), file: { 1: "pids.max", 2: "pids.max" } });
  }
  return files.filter(({ value }) => value !== "Infinity");
}

function bytesOf(limit: Limit): number {
  return "bytes" in limit ? limit.bytes : Math.floor(limit.share * totalmem());
}

function maxPids(): number {
  return Number(readFileSync("/proc/sys/kernel/pid_max", "utf8"));
}
