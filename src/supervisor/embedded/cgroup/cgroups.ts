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
import type { Limit, ResourceLimits } from "#unit/resources.ts";
import type { Controller } from "./hierarchy.ts";
import { removeQuietly, type UsableCgroups } from "./probe.ts";

/** Where a unit's processes are to be put before they are executed. */
export interface Leaf {
  readonly procs: readonly string[];
  /** The version 2 cgroup, for killing; absent where there is none. */
  readonly tracking?: string;
}

/** A limit as it is written in each version; version 1 lacks some. */
interface LimitFile {
  readonly key: keyof ResourceLimits;
  readonly controller: Controller;
  readonly 1?: { readonly file: string; readonly value: string };
  readonly 2: { readonly file: string; readonly value: string };
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
      const setting = place && limit[place.version];
      if (place !== undefined && setting !== undefined) {
        directories.add(setLimit(join(place.parent, unit), setting));
      }
    }
    for (const directory of directories) mkdirSync(directory, { recursive: true });
    const procs = [...directories].map((directory) => join(directory, "cgroup.procs"));
    return { procs, ...(tracking === undefined ? {} : { tracking: join(tracking, unit) }) };
  }

  /** The limits that are asked for and cannot be set here. */
  unenforced(resources: ResourceLimits): readonly (keyof ResourceLimits)[] {
    return limitFiles(resources).flatMap((limit) => {
      const place = this.#usable.limits.get(limit.controller);
      return place === undefined || limit[place.version] === undefined ? [limit.key] : [];
    });
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

function setLimit(directory: string, { file, value }: LimitFile[2]): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, file), value);
  return directory;
}

function limitFiles(resources: ResourceLimits): readonly LimitFile[] {
  return [...memoryFiles(resources), ...cpuFiles(resources), ...taskFiles(resources)];
}

function memoryFiles({ memoryMax, memoryHigh, memoryMin }: ResourceLimits): readonly LimitFile[] {
  const row = (key: LimitFile["key"], limit: Limit | undefined, v2: string, v1?: string): LimitFile[] => {
    const value = limit && String(bytesOf(limit));
    if (value === undefined || value === "Infinity") return [];
    const first = v1 === undefined ? {} : { 1: { file: v1, value } };
    return [{ key, controller: "memory", ...first, 2: { file: v2, value } }];
  };
  return [
    ...row("memoryMax", memoryMax, "memory.max", "memory.limit_in_bytes"),
    ...row("memoryHigh", memoryHigh, "memory.high"),
    ...row("memoryMin", memoryMin, "memory.min"),
  ];
}

function cpuFiles({ cpuCores, cpuWeight }: ResourceLimits): readonly LimitFile[] {
  const files: LimitFile[] = [];
  if (cpuCores !== undefined && Number.isFinite(cpuCores)) {
    const value = String(Math.max(1000, Math.round(cpuCores * CPU_PERIOD_US)));
    const first = { file: "cpu.cfs_quota_us", value };
    files.push({ key: "cpuCores", controller: "cpu", 1: first, 2: { file: "cpu.max", value } });
  }
  if (cpuWeight !== undefined) {
    // The same share of the default: 100 in version 2, 1024 in version 1.
    const first = { file: "cpu.shares", value: String(Math.max(2, Math.round(cpuWeight * 10.24))) };
    const second = { file: "cpu.weight", value: String(cpuWeight) };
    files.push({ key: "cpuWeight", controller: "cpu", 1: first, 2: second });
  }
  return files;
}

function taskFiles({ tasksMax }: ResourceLimits): readonly LimitFile[] {
  if (tasksMax === undefined) return [];
  const count = "count" in tasksMax ? tasksMax.count : Math.floor(tasksMax.share * maxPids());
  if (!Number.isFinite(count)) return [];
  const setting = { file: "pids.max", value: String(count) };
  return [{ key: "tasksMax", controller: "pids", 1: setting, 2: setting }];
}

function bytesOf(limit: Limit): number {
  return "bytes" in limit ? limit.bytes : Math.floor(limit.share * totalmem());
}

function maxPids(): number {
  return Number(readFileSync("/proc/sys/kernel/pid_max", "utf8"));
}
