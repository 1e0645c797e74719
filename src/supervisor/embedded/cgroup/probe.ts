/**
 * Which cgroups can really be used: each is tried, by making one, setting a limit and moving a process into it. A file
 * that is there proves nothing.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BUILT_IN,
  type BuiltIn,
  CONTROLLERS,
  type Controller,
  type Hierarchy,
  legacyName,
} from "./hierarchy.ts";

/** The machine's own cgroup in which a controller's limits are set. */
export interface Place {
  readonly version: 1 | 2;
  readonly parent: string;
  /** Files that a cgroup below has. */
  readonly files: ReadonlySet<string>;
}

export interface UsableCgroups {
  /** The machine's own cgroup in a version 2 hierarchy; processes are found and killed by it. */
  readonly tracking: string | undefined;
  readonly limits: ReadonlyMap<Controller, Place>;
  /** Hierarchies of version 1 for what version 2 does by itself; empty where that is there. */
  readonly builtIn: ReadonlyMap<BuiltIn, string>;
  /** One sentence for each thing that does not work. */
  readonly notes: readonly string[];
}

const PROBE = "probe";

/** Tries everything under cgroups called `name`, and leaves the usable ones made. */
export function probeCgroups(hierarchies: readonly Hierarchy[], name: string): UsableCgroups {
  const enterable = findEnterable(hierarchies, name);
  const usable = (wanted: (hierarchy: Hierarchy) => boolean): string | undefined => {
    const found = hierarchies.find(wanted);
    return found?.bases.map((base) => join(base, name)).find((parent) => enterable.has(parent));
  };
  const legacy = (controller: Controller | BuiltIn): string | undefined =>
    usable((one) => one.version === 1 && one.controllers.includes(legacyName(controller)));
  const tracking = usable(({ version }) => version === 2);
  const limits = new Map<Controller, Place>();
  for (const controller of CONTROLLERS) {
    const place = placeOf(controller, tracking, legacy(controller));
    if (place !== undefined) limits.set(controller, place);
  }
  const builtIn = new Map<BuiltIn, string>();
  for (const controller of tracking === undefined ? BUILT_IN : []) {
    const parent = legacy(controller);
    if (parent !== undefined) builtIn.set(controller, parent);
  }
  const used = new Set([tracking, ...[...limits.values()].map(({ parent }) => parent), ...builtIn.values()]);
  for (const parent of enterable) if (!used.has(parent)) removeQuietly(parent);
  return { tracking, limits, builtIn, notes: describeMissing(tracking, builtIn, limits) };
}

function placeOf(
  controller: Controller,
  tracking: string | undefined,
  legacy: string | undefined,
): Place | undefined {
  const second = tracking && enableController(tracking, controller);
  if (second) return { version: 2, parent: tracking, files: second };
  if (legacy === undefined) return undefined;
  return { version: 1, parent: legacy, files: probeFiles(legacy) };
}

/** The own cgroups, in all bases of all hierarchies, into which a process can be moved. */
function findEnterable(hierarchies: readonly Hierarchy[], name: string): ReadonlySet<string> {
  const wanted = new Set([...CONTROLLERS, ...BUILT_IN].map(legacyName));
  const parents = hierarchies
    .filter(({ version, controllers }) => version === 2 || controllers.some((one) => wanted.has(one)))
    .flatMap(({ bases }) => bases.map((base) => join(base, name)))
    .filter(makeProbe);
  const entered = moveProcess(parents);
  for (const parent of parents) {
    removeQuietly(join(parent, PROBE));
    if (!entered.has(parent)) removeQuietly(parent);
  }
  return entered;
}

function makeProbe(parent: string): boolean {
  try {
    mkdirSync(join(parent, PROBE), { recursive: true });
    fillCpuset(parent);
    fillCpuset(join(parent, PROBE));
    return true;
  } catch {
    return false;
  }
}

/** In version 1 a cpuset begins empty and lets nothing in; it gets what its parent has. */
export function fillCpuset(directory: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    try {
      if (readFileSync(join(directory, file), "utf8").trim() !== "") continue;
      writeFileSync(join(directory, file), readFileSync(join(directory, "..", file), "utf8"));
    } catch {
      // It is no cpuset.
    }
  }
}

/** A process of its own, which ends at once, is moved: the daemon itself must stay where it is. */
function moveProcess(parents: readonly string[]): ReadonlySet<string> {
  const program =
    'for (@ARGV) { open my $f, ">", "$_/cgroup.procs" or next; print "$_\\n" if defined syswrite $f, "0" }';
  const probes = parents.map((parent) => join(parent, PROBE));
  const { stdout } = spawnSync("/usr/bin/perl", ["-e", program, "--", ...probes], { encoding: "utf8" });
  const entered = new Set(String(stdout).split("\n"));
  return new Set(parents.filter((parent) => entered.has(join(parent, PROBE))));
}

/** The file that a limit of each controller is tried with, and a value that limits nothing. Devices are version 1's alone. */
const HARMLESS: Readonly<Record<Exclude<Controller, "devices">, readonly [file: string, text: string]>> = {
  memory: ["memory.max", "max"],
  cpu: ["cpu.max", "max"],
  pids: ["pids.max", "max"],
  io: ["io.weight", "default 100"],
  cpuset: ["cpuset.cpus", "\n"],
};

/** Turns a version 2 controller on for our cgroup and those below; its files when a limit can then be written. */
function enableController(parent: string, controller: Controller): ReadonlySet<string> | undefined {
  if (controller === "devices") return undefined;
  try {
    if (!readWords(join(parent, "..", "cgroup.controllers")).includes(controller)) return undefined;
    writeFileSync(join(parent, "..", "cgroup.subtree_control"), `+${controller}`);
    writeFileSync(join(parent, "cgroup.subtree_control"), `+${controller}`);
    return probeFiles(parent, HARMLESS[controller]);
  } catch {
    return undefined;
  }
}

/** The files of a cgroup below; with `trial`, after that has been written. */
function probeFiles(parent: string, trial?: readonly [file: string, text: string]): ReadonlySet<string> {
  const probe = join(parent, PROBE);
  mkdirSync(probe, { recursive: true });
  try {
    const files = new Set(readdirSync(probe));
    // Kernels without a cost model have no io.weight; the other limits of the controller work all the same.
    if (trial !== undefined && files.has(trial[0])) writeFileSync(join(probe, trial[0]), trial[1]);
    return files;
  } finally {
    removeQuietly(probe);
  }
}

function readWords(path: string): readonly string[] {
  return readFileSync(path, "utf8").trim().split(/\s+/);
}

export function removeQuietly(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // It is not there, or in use by somebody else: both are theirs to deal with.
  }
}

const KEYS: Readonly<Record<Controller, string>> = {
  memory: "MemoryMax=",
  cpu: "CPUQuota=",
  pids: "TasksMax=",
  io: "IOWeight=",
  cpuset: "AllowedCPUs=",
  devices: "DevicePolicy=",
};

function describeMissing(
  tracking: string | undefined,
  builtIn: ReadonlyMap<BuiltIn, string>,
  limits: ReadonlyMap<Controller, Place>,
): readonly string[] {
  const missing = CONTROLLERS.filter((controller) => !limits.has(controller)).map(
    (controller) =>
      `${KEYS[controller]} is not enforced: no ${controller} controller of ${controller === "devices" ? "" : "cgroup v2 or "}cgroup v1 can be used here`,
  );
  if (tracking !== undefined) return missing;
  const means = builtIn.has("freezer") ? "by version 1 of cgroups" : "by descent";
  return [`processes are found ${means}, because no cgroup v2 hierarchy can be written`, ...missing];
}
