/**
 * Which cgroups can really be used: each is tried, by making one, setting a limit and moving a process into it. A file
 * that is there proves nothing.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONTROLLERS, type Controller, type Hierarchy } from "./hierarchy.ts";

export interface UsableCgroups {
  /** The machine's own cgroup in a version 2 hierarchy; processes are found and killed by it. */
  readonly tracking: string | undefined;
  /** The machine's own cgroup in which each controller's limits are set. */
  readonly limits: ReadonlyMap<Controller, { readonly version: 1 | 2; readonly parent: string }>;
  /** One sentence for each thing that does not work. */
  readonly notes: readonly string[];
}

const PROBE = "probe";

/** Tries everything under cgroups called `name`, and leaves the usable ones made. */
export function probeCgroups(hierarchies: readonly Hierarchy[], name: string): UsableCgroups {
  const unified = hierarchies.find(({ version }) => version === 2);
  const tracking = unified && firstUsable(unified, name);
  const limits = new Map<Controller, { version: 1 | 2; parent: string }>();
  for (const controller of CONTROLLERS) {
    if (tracking !== undefined && enableController(tracking, controller)) {
      limits.set(controller, { version: 2, parent: tracking });
      continue;
    }
    const legacy = hierarchies.find((one) => one.version === 1 && one.controllers.includes(controller));
    const parent = legacy && firstUsable(legacy, name);
    if (parent !== undefined) limits.set(controller, { version: 1, parent });
  }
  return { tracking, limits, notes: describeMissing(tracking, limits) };
}

/** The first base in which a cgroup can be made and entered. */
function firstUsable({ bases }: Hierarchy, name: string): string | undefined {
  return bases.map((base) => join(base, name)).find(canEnter);
}

function canEnter(parent: string): boolean {
  const probe = join(parent, PROBE);
  try {
    mkdirSync(probe, { recursive: true });
    return moveProcess(join(probe, "cgroup.procs"));
  } catch {
    return false;
  } finally {
    removeQuietly(probe);
  }
}

/** A process of its own, which ends at once, is moved: the daemon itself must stay where it is. */
function moveProcess(procs: string): boolean {
  const program = 'open my $f, ">", $ARGV[0] or exit 1; defined syswrite $f, "0" or exit 2';
  return spawnSync("/usr/bin/perl", ["-e", program, procs], { stdio: "ignore" }).status === 0;
}

/** Turns a version 2 controller on for our cgroup and those below; true when a limit can then be written. */
function enableController(parent: string, controller: Controller): boolean {
  const probe = join(parent, PROBE);
  try {
    if (!readWords(join(parent, "..", "cgroup.controllers")).includes(controller)) return false;
    writeFileSync(join(parent, "..", "cgroup.subtree_control"), `+${controller}`);
    writeFileSync(join(parent, "cgroup.subtree_control"), `+${controller}`);
    mkdirSync(probe, { recursive: true });
    writeFileSync(join(probe, `${controller}.max`), "max");
    return true;
  } catch {
    return false;
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
};

function describeMissing(
  tracking: string | undefined,
  limits: ReadonlyMap<Controller, unknown>,
): readonly string[] {
  const missing = CONTROLLERS.filter((controller) => !limits.has(controller)).map(
    (controller) =>
      `${KEYS[controller]} is not enforced: no ${controller} controller of cgroup v2 or v1 can be used here`,
  );
  const tracked = "processes are found by descent, because no cgroup v2 hierarchy can be written";
  return tracking === undefined ? [tracked, ...missing] : missing;
}
