/** The cluster that a benchmark measures: three machines, as `flotilla dev up` makes them, and files to start on it. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Cluster, LAUNCHER } from "../test/cluster/cluster.ts";

/** Runs `measure` on a cluster of three with the default lease; the cluster is gone when it has ended, however. */
export async function withCluster(measure: (cluster: Cluster) => Promise<void>): Promise<void> {
  const cluster = await Cluster.start({ machines: 3, leaseTtlS: 5, network: "auto" });
  const interrupted = Promise.withResolvers<never>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => interrupted.reject(new Error(`interrupted by ${signal}`)));
  }
  try {
    await Promise.race([measure(cluster), interrupted.promise]);
  } finally {
    await cluster.stop();
  }
}

/** The text of a unit that costs nothing but its being there. */
export const SLEEPER = "[Service]\nExecStart=/bin/sleep infinity\n";

/** Names of so many units, none of which an earlier call has given out under another prefix. */
export function unitNames(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}.service`);
}

/** Writes a unit file for each name; returns the paths. */
export async function writeUnits(
  cluster: Cluster,
  names: readonly string[],
  text = SLEEPER,
): Promise<readonly string[]> {
  const folder = join(cluster.directory, "unit-files");
  await mkdir(folder, { recursive: true });
  const paths = names.map((name) => join(folder, name));
  await Promise.all(paths.map((path) => writeFile(path, text)));
  return paths;
}

/** How long a program takes from its start to its end. @throws Error when it fails */
export async function timeProgram(program: string, args: readonly string[], env = {}): Promise<number> {
  const startedMs = performance.now();
  let output = "";
  const child = execFile(program, [...args], { env: { ...process.env, ...env }, maxBuffer: 64 << 20 });
  child.stderr?.on("data", (part) => (output += String(part)));
  child.stdout?.resume();
  await once(child, "close");
  const tookMs = performance.now() - startedMs;
  if (child.exitCode !== 0) throw new Error(`${program} ${args.slice(0, 3).join(" ")} failed: ${output}`);
  return tookMs;
}

/** How long a command takes as the user types it, launcher included. */
export function timeCommand(cluster: Cluster, args: readonly string[], machine = "m1"): Promise<number> {
  return timeProgram(LAUNCHER, args, { FLOTILLA_ENDPOINT: cluster.endpoint(machine) });
}
