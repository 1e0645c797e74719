/** The program as a user runs it, and what a development cluster could leave behind. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";

const root = dirname(dirname(import.meta.dirname));
export const launcher = join(root, "bin", "flotilla");
export const examples = join(root, "examples");

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; a failure is an exit code, not an exception. */
export function flotilla(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(launcher, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error === null ? 0 : 1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Starts a command that stays, with its output gathered. */
export function startFlotilla(...args: readonly string[]): { child: ChildProcess; said: () => string } {
  const child = spawn(launcher, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (part) => (text += String(part)));
  return { child, said: () => text };
}

const statusSchema = z.object({
  machines: z.array(
    z.object({ machine: z.string(), power: z.string(), pid: z.number().nullable(), address: z.string() }),
  ),
});
export type MachineStatus = z.infer<typeof statusSchema>["machines"][number];

/** What `flotilla dev status` says of each machine. */
export async function machinesOf(directory: string): Promise<readonly MachineStatus[]> {
  const { stdout } = await flotilla("dev", "status", "--dir", directory, "-o", "json");
  return statusSchema.parse(JSON.parse(stdout)).machines;
}

/** Every process, namespace, link and cgroup of the cluster in `directory`; empty after it is down. */
export async function remains(directory: string): Promise<readonly string[]> {
  const { id } = z
    .object({ id: z.string() })
    .parse(JSON.parse(await readFile(join(directory, "cluster.json"), "utf8")));
  const cgroups = ["", ...list("/sys/fs/cgroup")].flatMap((name) => list(join("/sys/fs/cgroup", name)));
  return [
    ...list("/proc")
      .filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(directory))
      .map((pid) => commandLine(pid)),
    ...list("/run/netns").filter((name) => name.startsWith(`flotilla-${id}`)),
    ...list("/sys/class/net").filter((name) => name.startsWith(`flo-${id}`)),
    ...cgroups.filter((name) => name.startsWith(`flotilla-${id}`)),
  ];
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}
