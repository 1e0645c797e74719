/** The cgroup hierarchies of this machine, as /proc/self/mountinfo and /proc/self/cgroup tell. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What has limits; each is known by this name in version 2. */
export type Controller = "memory" | "cpu" | "pids" | "io" | "cpuset" | "devices";

export const CONTROLLERS: readonly Controller[] = ["memory", "cpu", "pids", "io", "cpuset", "devices"];

/** Controllers that version 2 has built in, and version 1 in hierarchies of their own. */
export type BuiltIn = "cpuacct" | "freezer";

export const BUILT_IN: readonly BuiltIn[] = ["cpuacct", "freezer"];

/** The name in version 1. */
export function legacyName(controller: Controller | BuiltIn): string {
  return controller === "io" ? "blkio" : controller;
}

export interface Hierarchy {
  readonly version: 1 | 2;
  readonly mount: string;
  /** Version 1: the controllers it carries; version 2: empty, because they are enabled cgroup by cgroup. */
  readonly controllers: readonly string[];
  /** Directories under which a cgroup of ours may be made, best first. */
  readonly bases: readonly string[];
}

/** Pure: the hierarchies in the text of mountinfo, with the own cgroups in the text of /proc/self/cgroup. */
export function parseHierarchies(mountinfo: string, own: string): readonly Hierarchy[] {
  return mountinfo.split("\n").flatMap((line): Hierarchy[] => {
    const [left = "", right = ""] = line.split(" - ");
    const mount = left.split(" ")[4] ?? "";
    const [type, , options = ""] = right.split(" ");
    if (type === "cgroup2")
      return [{ version: 2, mount, controllers: [], bases: basesOf(mount, ownPath(own, "")) }];
    if (type !== "cgroup") return [];
    const controllers = options.split(",").filter((option) => option !== "rw" && option !== "ro");
    const path = ownPath(own, controllers[0] ?? "");
    return [{ version: 1, mount, controllers, bases: basesOf(mount, path) }];
  });
}

/** The top first: it is the same for every process of the machine, so that anyone finds our cgroups again. */
function basesOf(mount: string, own: string): readonly string[] {
  return [...new Set([mount, join(mount, own)].map((path) => path.replace(/\/$/, "")))];
}

function ownPath(own: string, controller: string): string {
  for (const line of own.split("\n")) {
    const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers.split(",").includes(controller)) return path;
  }
  return "/";
}

/** The hierarchies mounted here; none where /proc does not tell. */
export function readHierarchies(): readonly Hierarchy[] {
  try {
    return parseHierarchies(
      readFileSync("/proc/self/mountinfo", "utf8"),
      readFileSync("/proc/self/cgroup", "utf8"),
    );
  } catch {
    return [];
  }
}
