/**
 * What tests may leave behind beside processes, which the runner adopts: mounts, network namespaces, links and cgroups
 * of theirs.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A line for each thing of Flotilla's that is there now. */
export function observe(): ReadonlySet<string> {
  return new Set([...mounts(), ...namespaces(), ...links(), ...cgroups()]);
}

/** What is there after the tests and was not before, and the processes they have left. */
export function findLeftovers(
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
  processes: readonly number[],
): readonly string[] {
  const titles = processes.map((pid) => `process ${pid} ${commandOf(pid)}`);
  return [...titles, ...[...after].filter((thing) => !before.has(thing))];
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
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
