/** What may happen to one of three members of etcd under load; after each the three are whole again. */
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import type { Cluster } from "../../cluster/cluster.ts";
import { etcdPid, moreWrites, untilStatus } from "./waits.ts";

const run = promisify(execFile);

export interface Hardship {
  readonly what: string;
  readonly happens: (cluster: Cluster) => Promise<void>;
}

/** The first is the one that every test run has. */
export const HARDSHIPS: readonly Hardship[] = [
  { what: "its leader is cut off, and says so", happens: leaderIsCutOff },
  { what: "a member is killed, which comes back by itself", happens: memberIsKilled },
  { what: "a member's disk is full, and recovers when it is not", happens: diskIsFull },
  { what: "another machine takes a member's place", happens: memberIsReplaced },
];

/** A process that is stopped holds its connections and answers nothing, as a machine behind a cut cable does. */
async function leaderIsCutOff(cluster: Cluster): Promise<void> {
  const { members } = await cluster.client("m1").store();
  const leader = members.find(({ role }) => role === "leader")?.name ?? "";
  const other = members.find(({ name }) => name !== leader)?.name ?? "";
  const pid = await etcdPid(cluster, leader);
  process.kill(pid, "SIGSTOP");
  try {
    await moreWrites(cluster, 20);
    const { problems } = await untilStatus(cluster, ({ quorum }) => quorum.answering === 2);
    expect(problems[0]).toMatchObject({
      grade: "danger",
      message: expect.stringContaining(`member ${leader} does not answer; when one more is lost`),
    });
    expect(problems[0]?.commands.at(-1)).toBe(`flotilla store remove ${leader}`);
    const refused = await cluster.flotilla(["store", "remove", other]);
    expect(refused.exitCode).toBe(9);
    expect(refused.stderr).toContain(`without ${other} the store would lose its quorum`);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await untilStatus(cluster, ({ quorum }) => quorum.answering === 3);
}

async function memberIsKilled(cluster: Cluster): Promise<void> {
  const pid = await etcdPid(cluster, "m3");
  process.kill(pid, "SIGKILL");
  await moreWrites(cluster, 20);
  await expect.poll(() => etcdPid(cluster, "m3").catch(() => pid), { timeout: 30_000 }).not.toBe(pid);
  await untilStatus(cluster, ({ quorum }) => quorum.answering === 3);
}

/** Room for the two log segments that etcd reserves, and a little more. */
const DISK = "size=150m";

function diskOf(directory: string): string {
  return join(directory, "m2", "etcd");
}

/** Gives one machine's member a disk of its own, before there is any member. */
export async function smallDisk(directory: string): Promise<void> {
  await mkdir(diskOf(directory), { recursive: true });
  await run("mount", ["-t", "tmpfs", "-o", DISK, "tmpfs", diskOf(directory)]);
}

export async function freeDisk(directory: string): Promise<void> {
  await run("umount", ["--lazy", diskOf(directory)]);
}

async function diskIsFull(cluster: Cluster): Promise<void> {
  const ballast = join(diskOf(cluster.directory), "ballast");
  await writeFile(ballast, Buffer.alloc(150 << 20)).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  });
  try {
    await untilStatus(cluster, ({ quorum }) => quorum.answering === 2);
    await moreWrites(cluster, 20);
  } finally {
    await rm(ballast);
  }
  await untilStatus(cluster, ({ quorum }) => quorum.answering === 3);
}

async function memberIsReplaced(cluster: Cluster): Promise<void> {
  const { exitCode, stderr } = await cluster.flotilla(["store", "replace", "m3", "m4"]);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  const { members } = await untilStatus(cluster, ({ quorum }) => quorum.answering === 3, "m3");
  expect(members.map(({ name }) => name)).toEqual(["m1", "m2", "m4"]);
}
