/** A dev host in the background: the same command again, in a session of its own and without a terminal. */
import { spawn } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";

export interface DetachOptions {
  readonly launcher: string;
  /** The arguments of this command, with --detach among them. */
  readonly args: readonly string[];
  readonly directory: string;
}

/**
 * Resolves, once the cluster is up, with what the dev host has said until then; it goes on saying it in `host.log`.
 * @throws FlotillaError when it ends before; what it said is among the causes.
 */
export async function detach({ launcher, args, directory }: DetachOptions): Promise<string> {
  await mkdir(directory, { recursive: true });
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
  const isUp = await new Promise<boolean>((resolve, reject) => {
    child.once("message", () => resolve(true));
    child.once("exit", () => resolve(false));
    child.once("error", reject);
  });
  const said = await readFile(path, "utf8");
  if (!isUp)
    throw new FlotillaError("internal", "the cluster did not come up", { causes: said.trim().split("\n") });
  child.disconnect();
  child.unref();
  return said;
}
