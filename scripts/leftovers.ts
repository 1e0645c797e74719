/**
 * What tests may leave behind: processes, mounts, network namespaces, links and cgroups of theirs.
 * A process is known by a mark in its environment, which whatever a test starts inherits.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The environment variable that marks all processes of one test run. */
export const RUN_MARK = "TEST_RUN_ID";

export interface Observation {
  readonly things: ReadonlySet<string>;
  /** Process ID and command line of each process with its environment. */
  readonly processes: readonly { readonly title: string; readonly environment: string }[];
}

/** Looks at the machine as it is now. */
export function observe(): Observation {
  return {
    things: new Set([...mounts(), ...namespaces(), ...links(), ...cgroups()]),
    processes: processes(),
  };
}

/** A line for each thing of Flotilla's that is there after the tests and was not before. */
export function findLeftovers(before: Observation, after: Observation, mark: string): readonly string[] {
  const running = after.processes.filter((one) => one.environment.includes(`${RUN_MARK}=${mark}`));
  const things = [...after.things].filter((thing) => !before.things.has(thing));
  return [...running.map((one) => `process ${one.title}`), ...things];
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** A file of /proc; empty when its process has just gone or is somebody else's. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function processes(): Observation["processes"] {
  const ids = list("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return ids.map((id) => ({
    title: `${id} ${read(`/proc/${id}/cmdline`).replaceAll("\0", " ").trim()}`,
    environment: read(`/proc/${id}/environ`),
  }));
}

function mounts(): readonly string[] {
  const points = read("/proc/self/mounts")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  return points.filter((point) => point.includes("flotilla")).map((point) => `mount ${point}`);
}

function namespaces(): readonly string[] {
  return list("/run/netns")
    .filter((name) => name.startsWith("flotilla"))
    .map((name) => `network namespace ${name}`);
}

function links(): readonly string[] {
  return list("/sys/class/net")
    .filter((name) => name.startsWith("flo-"))
    .map((name) => `network link ${name}`);
}

/** cgroup v2 has one tree, v1 one for each controller; ours are named at the top of each. */
function cgroups(): readonly string[] {
  const roots = ["/sys/fs/cgroup", ...list("/sys/fs/cgroup").map((name) => join("/sys/fs/cgroup", name))];
  return roots.flatMap((root) =>
    list(root)
      .filter((name) => name.startsWith("flotilla"))
      .map((name) => `cgroup ${join(root, name)}`),
  );
}
