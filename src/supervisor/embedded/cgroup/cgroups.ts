/**
 * The cgroups of a machine's units: one leaf a unit, for its processes alone (the shim stays outside), below those of
 * its slices.
 *
 * Owns the machine's own cgroup in each hierarchy that the probe found usable. Version 2 finds, freezes and kills
 * processes, version 1's freezer does where that is not there; limits are set in version 2 where it has the
 * controller, else in version 1. Where there are no cgroups at all every call does nothing and the shim walks the tree
 * of processes.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { basename, dirname, join } from "node:path";
import { isUnitName } from "#unit/name.ts";
import type { ResourceLimits } from "#unit/resources.ts";
import { slicePath } from "#unit/slice.ts";
import type { UnitUsage } from "../../supervisor.ts";
import { blockDeviceOf } from "./block-device.ts";
import { machineDevices } from "./devices.ts";
import type { Controller } from "./hierarchy.ts";
import { type FileLine, type LimitContext, type LimitSetting, limitSettings } from "./limits.ts";
import { fillCpuset, type Place, removeQuietly, type UsableCgroups } from "./probe.ts";
import { readUsage } from "./usage.ts";

/** Where a unit's processes are to be put before they are executed. */
export interface Leaf {
  readonly procs: readonly string[];
  /** The version 2 cgroup, for killing; absent where there is none. */
  readonly tracking?: string;
  /** What counts kills for want of memory: memory.events, or memory.oom_control of version 1. */
  readonly oomKills?: string;
}

/** What is counted of every unit. */
const COUNTED: readonly Controller[] = ["memory", "pids"];

/** A line with the file that it is for on this machine. */
type FoundLine = Omit<FileLine, "files"> & { readonly file: string };

export class Cgroups {
  readonly #usable: UsableCgroups;
  readonly #context: LimitContext = {
    memoryBytes: totalmem(),
    maxTasks: maxPids(),
    deviceOf: blockDeviceOf,
    devices: machineDevices,
  };
  readonly #slices = new Map<string, ResourceLimits>();
  /** Paths of the units' leaves below the machine's own cgroups. */
  readonly #paths = new Map<string, string>();
  /** Units that were killed, until their cgroups are seen empty. */
  readonly #killed = new Set<string>();

  constructor(usable: UsableCgroups) {
    this.#usable = usable;
    // Leaves that an earlier supervisor made are where they are, whatever slice the unit's file names now.
    const [parent] = this.#parents();
    for (const path of parent === undefined ? [] : leavesBelow(parent, ""))
      this.#paths.set(basename(path), path);
  }

  /**
   * Makes the unit's leaf below its slices and sets the limits. Throws when the kernel refuses a limit. `diesWhole`: a
   * kill for want of memory is one of all the unit's processes, where the kernel can do that.
   */
  prepare(unit: string, limits: ResourceLimits, slice?: string, diesWhole = false): Leaf {
    const { tracking } = this.#usable;
    const slices = slicePath(slice);
    const path = this.#paths.get(unit) ?? join(...slices, unit);
    this.#paths.set(unit, path);
    const parents = this.#parentsFor(limits, slices);
    for (const parent of parents) this.#make(parent, slices, path);
    for (const name of slices) this.#applySlice(name);
    this.#apply(path, limits);
    const procs = parents.map((parent) => join(parent, path, "cgroup.procs"));
    const memory = this.#usable.limits.get("memory");
    const leaf = { procs, ...(tracking === undefined ? {} : { tracking: join(tracking, path) }) };
    if (memory === undefined) return leaf;
    const own = join(memory.parent, path);
    if (memory.version === 2) writeQuietly(join(own, "memory.oom.group"), diesWhole ? "1" : "0");
    return { ...leaf, oomKills: join(own, memory.version === 2 ? "memory.events" : "memory.oom_control") };
  }

  /** What a slice's units are held to together; also those that run. */
  setSlice(name: string, limits: ResourceLimits): void {
    this.#slices.set(name, limits);
    const path = join(...slicePath(name));
    const inside = [...this.#paths.values()].filter((leaf) => leaf.startsWith(`${path}/`));
    for (const leaf of inside) this.#enter(leaf);
    if (inside.length > 0) this.#apply(path, limits);
  }

  /** The limits that are asked for and cannot be set here. */
  unenforced(limits: ResourceLimits): readonly (keyof ResourceLimits)[] {
    const settings = limitSettings(limits, this.#context);
    return settings
      .filter((setting) => setting.isImplied !== true && this.#linesOf(setting) === undefined)
      .map(({ key }) => key);
  }

  /** What the unit has used since its leaf was made, or all together; empty where nothing is counted. */
  usage(unit?: string): UnitUsage {
    const { tracking, limits, builtIn } = this.#usable;
    const path = unit === undefined ? "" : this.#pathOf(unit);
    return readUsage((controller, file) => {
      const own = limits.get(controller)?.parent;
      const parents = controller === "cpu" ? [tracking, builtIn.get("cpuacct"), own] : [own];
      for (const parent of parents) {
        const text = parent && readQuietly(join(parent, path, file));
        if (text !== undefined) return text;
      }
      return undefined;
    });
  }

  /** Stops every process of the unit where it is, or lets it go on. False where that cannot be done. */
  freeze(unit: string, frozen: boolean): boolean {
    const { tracking, builtIn } = this.#usable;
    const path = this.#pathOf(unit);
    if (tracking !== undefined)
      return writeQuietly(join(tracking, path, "cgroup.freeze"), frozen ? "1" : "0");
    const freezer = builtIn.get("freezer");
    if (freezer === undefined) return false;
    return writeQuietly(join(freezer, path, "freezer.state"), frozen ? "FROZEN" : "THAWED");
  }

  /** Ends what is left in the unit's cgroup; for when its shim, which does that otherwise, is gone. */
  kill(unit: string): void {
    const { tracking, builtIn } = this.#usable;
    this.#killed.add(unit);
    const path = this.#pathOf(unit);
    // A kernel before 5.14 lacks the file; then each process is signalled while none can fork.
    if (tracking !== undefined && writeQuietly(join(tracking, path, "cgroup.kill"), "1")) return;
    const parent = tracking ?? builtIn.get("freezer");
    if (parent === undefined) return;
    this.freeze(unit, true);
    for (const pid of (readQuietly(join(parent, path, "cgroup.procs")) ?? "").split("\n")) killQuietly(pid);
    this.freeze(unit, false);
  }

  /** Whether processes of the unit that `kill` has killed are still there: the kernel takes its time to put them away. */
  isEnding(unit: string): boolean {
    if (!this.#killed.has(unit)) return false;
    const parent = this.#usable.tracking ?? this.#usable.builtIn.get("freezer");
    const isLeft = parent !== undefined && hasProcesses(join(parent, this.#pathOf(unit)));
    if (!isLeft) this.#killed.delete(unit);
    return isLeft;
  }

  /** Removes the unit's leaves, with what the unit itself made inside, and slices that are empty then. */
  remove(unit: string): void {
    const path = this.#pathOf(unit);
    for (const parent of this.#parents()) {
      removeTree(join(parent, path));
      for (let slice = dirname(path); slice !== "."; slice = dirname(slice))
        removeQuietly(join(parent, slice));
    }
    this.#paths.delete(unit);
  }

  /** Removes the machine's own cgroups, if no unit is left in them. */
  close(): void {
    for (const parent of this.#parents()) removeQuietly(parent);
  }

  /** The machine's own cgroup in every hierarchy. */
  #parents(): readonly string[] {
    return this.#parentsOf(() => true);
  }

  /**
   * Those that a unit has to be in: where it is found and counted, and where it or a slice around it has a limit. To
   * enter one costs the kernel a lock that every start of a process needs.
   */
  #parentsFor(limits: ResourceLimits, slices: readonly string[]): readonly string[] {
    const all = [limits, ...slices.flatMap((name) => this.#slices.get(name) ?? [])];
    const settings = all.flatMap((one) => limitSettings(one, this.#context));
    const wanted = new Set([...COUNTED, ...settings.map(({ controller }) => controller)]);
    return this.#parentsOf((controller) => wanted.has(controller));
  }

  #parentsOf(isWanted: (controller: Controller) => boolean): readonly string[] {
    const { tracking, limits, builtIn } = this.#usable;
    const own = [...limits].flatMap(([controller, { parent }]) => (isWanted(controller) ? [parent] : []));
    return [...new Set([...(tracking === undefined ? [] : [tracking]), ...own, ...builtIn.values()])];
  }

  /** Puts a unit that runs where a limit of its slices has come up since. */
  #enter(path: string): void {
    const slices = path.split("/").slice(0, -1);
    const [known = "", ...parents] = this.#parentsFor({}, slices);
    for (const parent of parents.filter((one) => !existsSync(join(one, path)))) {
      this.#make(parent, slices, path);
      // What forks meanwhile is found by the second look.
      for (const _ of [1, 2]) movePids(join(known, path, "cgroup.procs"), join(parent, path, "cgroup.procs"));
    }
  }

  #make(parent: string, slices: readonly string[], path: string): void {
    const { limits, tracking } = this.#usable;
    mkdirSync(join(parent, path), { recursive: true });
    if (parent === limits.get("cpuset")?.parent && parent !== tracking) {
      for (const index of slices.keys()) fillCpuset(join(parent, ...slices.slice(0, index + 1)));
      fillCpuset(join(parent, path));
    }
    if (parent !== tracking) return;
    // A controller reaches a cgroup only where each one above hands it on.
    const controllers = [...limits].filter(([, place]) => place.version === 2).map(([name]) => `+${name}`);
    for (const index of controllers.length === 0 ? [] : slices.keys()) {
      const slice = join(parent, ...slices.slice(0, index + 1));
      writeFileSync(join(slice, "cgroup.subtree_control"), controllers.join(" "));
    }
  }

  #applySlice(name: string): void {
    const limits = this.#slices.get(name);
    if (limits !== undefined) this.#apply(join(...slicePath(name)), limits);
  }

  #apply(path: string, limits: ResourceLimits): void {
    for (const setting of limitSettings(limits, this.#context)) {
      const found = this.#linesOf(setting);
      for (const { file, text, optional } of found?.lines ?? []) {
        const target = join(found?.place.parent ?? "", path, file);
        if (optional === true) writeQuietly(target, text);
        else writeFileSync(target, text);
      }
    }
  }

  /** What to write where for a limit; undefined where this machine lacks it. */
  #linesOf(setting: LimitSetting): { place: Place; lines: readonly FoundLine[] } | undefined {
    const place = this.#usable.limits.get(setting.controller);
    const wanted = place && setting[place.version];
    if (place === undefined || wanted === undefined) return undefined;
    const lines = wanted.flatMap(({ files, ...more }) => {
      const file = files.find((name) => place.files.has(name));
      return file === undefined ? [] : [{ file, ...more }];
    });
    return lines.length < wanted.length ? undefined : { place, lines };
  }

  #pathOf(unit: string): string {
    return this.#paths.get(unit) ?? unit;
  }
}

/** Paths of the units' cgroups below that of a slice. */
function leavesBelow(parent: string, slice: string): readonly string[] {
  const names = listQuietly(join(parent, slice)).filter(isUnitName);
  return names.flatMap((name) => {
    const path = join(slice, name);
    return name.endsWith(".slice") ? leavesBelow(parent, path) : [path];
  });
}

function movePids(from: string, to: string): void {
  for (const pid of (readQuietly(from) ?? "").split("\n").filter(Boolean)) writeQuietly(to, pid);
}

/** Removes a cgroup and those below it; what still has processes stays. */
export function removeTree(directory: string): void {
  for (const child of directoriesIn(directory)) removeTree(join(directory, child));
  removeQuietly(directory);
}

function hasProcesses(directory: string): boolean {
  if ((readQuietly(join(directory, "cgroup.procs")) ?? "") !== "") return true;
  return directoriesIn(directory).some((child) => hasProcesses(join(directory, child)));
}

function directoriesIn(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

function listQuietly(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readQuietly(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** False where there is no such file, or not any more. */
function writeQuietly(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "r+" });
    return true;
  } catch {
    return false;
  }
}

function killQuietly(pid: string): void {
  try {
    if (Number(pid) > 1) process.kill(Number(pid), "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function maxPids(): number {
  return Number(readFileSync("/proc/sys/kernel/pid_max", "utf8"));
}
