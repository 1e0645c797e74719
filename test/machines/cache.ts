/** What runs of the tests leave to later ones: in the user's cache, made by one process at a time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export function cacheDirectory(): string {
  const directory = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "flotilla");
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** Runs `use` while no other process runs one under the lock at `path`. */
export async function whileLocked<T>(path: string, use: () => Promise<T>): Promise<T> {
  // flock(1) holds the lock for as long as its child reads.
  const holder = spawn("flock", [path, "cat"], { stdio: ["pipe", "pipe", "inherit"] });
  const isGone = once(holder, "exit");
  holder.stdin.write("\n");
  await Promise.race([once(holder.stdout, "data"), isGone]);
  try {
    return await use();
  } finally {
    holder.stdin.end();
    await isGone;
  }
}
