/** Which limits systemd can hold units to on this machine: those whose controllers its cgroups have. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Hierarchy, legacyName, parseHierarchies } from "../embedded/cgroup/hierarchy.ts";
import type { Enforcement } from "../supervisor.ts";

const LIMITS = [
  { controller: "memory", settings: "MemoryMax=, MemoryHigh= and MemorySwapMax=" },
  { controller: "cpu", settings: "CPUQuota= and CPUWeight=" },
  { controller: "pids", settings: "TasksMax=" },
  { controller: "io", settings: "IOWeight=, IOReadBandwidthMax= and their like" },
] as const;

type Limited = (typeof LIMITS)[number]["controller"];

/**
 * Pure. `unified` are the controllers of the version 2 hierarchy. systemd uses version 1 only where version 2 is not
 * mounted on /sys/fs/cgroup itself.
 */
export function describeEnforcement(
  hierarchies: readonly Hierarchy[],
  unified: readonly string[],
  isRoot: boolean,
): Enforcement {
  const isUnified = hierarchies.some(({ version, mount }) => version === 2 && mount === "/sys/fs/cgroup");
  const has = (controller: Limited): boolean =>
    unified.includes(controller) ||
    (!isUnified &&
      hierarchies.some(({ version, controllers }) => {
        return version === 1 && controllers.includes(legacyName(controller));
      }));
  const missing = LIMITS.filter(({ controller }) => !has(controller));
  return {
    tracking: "systemd",
    memory: has("memory"),
    cpu: has("cpu"),
    tasks: has("pids"),
    users: isRoot,
    notes: missing.map(
      ({ controller, settings }) =>
        `${settings} are not enforced: systemd accepts them, but its cgroups lack the ${controller} controller`,
    ),
  };
}

/** The controllers of the version 2 hierarchy. @param root systemd's root directory as it is seen here */
export function unifiedControllers(hierarchies: readonly Hierarchy[], root: string): readonly string[] {
  const mount = hierarchies.find(({ version }) => version === 2)?.mount;
  if (mount === undefined) return [];
  try {
    return readFileSync(join(root, mount, "cgroup.controllers"), "utf8")
      .trim()
      .split(" ");
  } catch {
    return [];
  }
}

/** The hierarchies as systemd sees them; none where /proc does not tell. */
export function systemHierarchies(root: string): readonly Hierarchy[] {
  try {
    return parseHierarchies(readFileSync(join(root, "proc/1/mountinfo"), "utf8"), "");
  } catch {
    return [];
  }
}
