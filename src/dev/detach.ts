/** A dev host in the background: the same command again, in a session of its own and without a terminal. */
import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectory } from "./control.ts";

export interface DetachOptions {
  readonly launcher: string;
  /** The arguments of this command, with --detach among them. */
  readonly args: readonly string[];
  readonly directory: string;
}

/** What the dev host has said until now; it goes on saying it in `host.log`. */
export interface Detached {
  readonly said: string;
  /** Its exit code when it did not bring the cluster up; 0 while it holds it up. */
  readonly exit: number;
}

/** Resolves once the cluster is up, or has failed to come up. */
export async function detach({ launcher, args, directory }: DetachOptions): Promise<Detached> {
  await makeDirectory(directory);
  const path = join(directory, "host.log");
  const log = await open(path, "w");
  const child = spawn(
    launcher,
    args.filter((argument) => argument !== "--detach"),
    {
      detached: true,
      stdio: ["ignore", log.fd, log.fd, "ipc"],
    },
  );
  await log.close();
  const exit = await new Promise<number>((resolve, reject) => {
    child.once("message", () => resolve(0));
    // Whoever was ended by a signal has no exit code.
    child.once("exit", (code) => resolve(code ?? 1));
    child.once("error", reject);
  });
  if (exit === 0) {
    child.disconnect();
    child.unref();
  }
  return { said: (await readFile(path, "utf8")).trimEnd(), exit };
}
