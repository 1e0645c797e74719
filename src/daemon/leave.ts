/** What makes a directory one of a machine of a cluster, put aside: nothing is deleted. */
import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectories, syncDirectory } from "#host/files.ts";

/** Of the cluster and of what the machine did in it. Without these it may join another as a new machine. */
const LEFT = ["trust", "machine-id", "agent.json", "files", "store.json", "store", "etcd", "trust.new"];

/** What there is of a cluster in the daemon's directory. */
export function membershipIn(directory: string): readonly string[] {
  return LEFT.filter((name) => existsSync(join(directory, name)));
}

/** From then on the machine belongs to no cluster. */
export function setTrustAside(directory: string, nowMs: number): Promise<string> {
  return setAside(directory, ["trust"], nowMs);
}

/** Puts all of it into a directory beside, and resolves with the path of that. The daemon must not run. */
export function setMembershipAside(directory: string, nowMs: number): Promise<string> {
  return setAside(directory, membershipIn(directory), nowMs);
}

async function setAside(directory: string, names: readonly string[], nowMs: number): Promise<string> {
  const aside = join(directory, `left-${new Date(nowMs).toISOString().slice(0, 10)}`);
  const path = existsSync(join(aside, names[0] ?? "")) ? `${aside}-${nowMs}` : aside;
  await makeDirectories(path);
  for (const name of names) await rename(join(directory, name), join(path, name));
  await syncDirectory(path);
  await syncDirectory(directory);
  return path;
}
